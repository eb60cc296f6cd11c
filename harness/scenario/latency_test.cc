// SPDX-License-Identifier: Apache-2.0
// Latency as a run reports it: each place has the time of every packet that the ledger counts there.
#include "harness/scenario/latency.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "harness/scenario/latency_floor.h"
#include "harness/scenario/runner.h"

namespace knetlab {
namespace {

const LatencyResult* Find(const std::vector<LatencyResult>& places, const std::string& name) {
  const auto found =
      std::find_if(places.begin(), places.end(), [&](const auto& place) { return place.place == name; });
  return found == places.end() ? nullptr : &*found;
}

void ExpectOrdered(const LatencyResult& latency) {
  SCOPED_TRACE(latency.place);
  EXPECT_GT(latency.count, 0u);
  EXPECT_GT(latency.p50_ns, 0u);
  EXPECT_LE(latency.p50_ns, latency.p90_ns);
  EXPECT_LE(latency.p90_ns, latency.p99_ns);
  EXPECT_LE(latency.p99_ns, latency.p999_ns);
  EXPECT_LE(latency.p999_ns, latency.max_ns);
}

const RunReport& SmokeRun() {
  static const RunReport report = [] {
    RunOptions options;
    options.rig = "wire";
    options.object_folders = {KNETLAB_OBJECTS};
    return RunScenarios({KNETLAB_SMOKE}, options);
  }();
  return report;
}

TEST(Latency, EveryPlaceIsOrderedAndHasTheFloorBesideIt) {
  for (const ScenarioResult& scenario : SmokeRun().scenarios) {
    if (scenario.outcome == ScenarioOutcome::kSkip) continue;
    SCOPED_TRACE(scenario.name);
    const std::vector<LatencyResult>& places = scenario.result.latency;
    std::set<std::string> names;
    for (const LatencyResult& place : places) {
      ExpectOrdered(place);
      EXPECT_TRUE(names.insert(place.place).second) << place.place;
    }
    if (places.empty()) continue;
    EXPECT_TRUE(names.contains("rig floor xdp"));
    EXPECT_TRUE(names.contains("rig floor socket"));
  }
}

TEST(Latency, ASocketHasTheTimeOfEveryPacketItWasGiven) {
  int sockets = 0;
  for (const ScenarioResult& scenario : SmokeRun().scenarios) {
    for (const LedgerEntry& entry : scenario.result.ledger.entries) {
      if (entry.fate != Fate::kDelivered) continue;
      SCOPED_TRACE(fmt::format("{} {}", scenario.name, entry.place));
      const LatencyResult* latency = Find(scenario.result.latency, entry.place);
      ASSERT_NE(latency, nullptr);
      EXPECT_GE(latency->count, entry.count);  // those that a filter refused there have a time, too
      sockets++;
    }
  }
  EXPECT_GT(sockets, 0);
}

TEST(Latency, AProgramHasTheTimeOfEveryPacketItDropped) {
  int programs = 0;
  for (const ScenarioResult& scenario : SmokeRun().scenarios) {
    for (const LedgerEntry& entry : scenario.result.ledger.entries) {
      if (entry.fate != Fate::kDropped || entry.place.find("tc egress") != std::string::npos) continue;
      // The kernel tells nothing of what a packet socket's filter refuses: only what it takes has a time.
      if (entry.reason == "SOCKET_DROP") continue;
      SCOPED_TRACE(fmt::format("{} {}", scenario.name, entry.place));
      const LatencyResult* latency = Find(scenario.result.latency, entry.place);
      ASSERT_NE(latency, nullptr);
      EXPECT_GE(latency->count, entry.count);
      programs++;
    }
  }
  EXPECT_GT(programs, 0);
}

TEST(Latency, PhasesOfOneRunAreAddedPlaceByPlace) {
  LatencyByPlace latency;
  Histogram first, second;
  first.Record(100, 3);
  second.Record(1000, 1);
  latency.Add({{"a", first}, {"b", first}});
  latency.Add({{"a", second}});
  const std::vector<LatencyResult> results = latency.Results();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].place, "a");
  EXPECT_EQ(results[0].count, 4u);
  EXPECT_EQ(results[0].p50_ns, 100u);
  EXPECT_NEAR(static_cast<double>(results[0].max_ns), 1000, 10);
  EXPECT_EQ(results[1].count, 3u);
}

TEST(LatencyFloor, HasEveryDatagramOnBothWays) {
  const std::vector<LatencyResult> floor = MeasureLatencyFloor(std::make_shared<Tracer>());
  ASSERT_EQ(floor.size(), 2u);
  for (const LatencyResult& place : floor) {
    ExpectOrdered(place);
    EXPECT_EQ(place.count, 1000u) << place.place;
  }
}

}  // namespace
}  // namespace knetlab
