// SPDX-License-Identifier: Apache-2.0
// What becomes of results: samples, records, the store; which commit they belong to.
#include "harness/scenario/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/scenario/report.h"
#include "harness/scenario/runner.h"
#include "harness/scenario/source_revision.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing_results::Folder;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

ScenarioResult MakeResult() {
  ScenarioResult result;
  result.name = "drop-dns";
  result.file = "drop-dns.yaml";
  result.rig = "wire";
  result.kernel = "6.1.0";
  result.outcome = ScenarioOutcome::kPass;
  result.duration_s = 0.25;
  Ledger& ledger = result.result.ledger;
  ledger.sent = 10;
  ledger.Add(Fate::kDropped, "server:eth0 xdp filter", "XDP_DROP", 3);
  ledger.Add(Fate::kDropped, "server:eth0 xdp filter", "XDP_ABORTED", 1);
  ledger.Add(Fate::kPassed, "server:ip_rcv_core", "", 6);
  ledger.Close();
  result.result.verdicts["filter"] = {{"XDP_DROP", 3}, {"XDP_PASS", 6}};
  CostResult wall, counted;
  wall.program = counted.program = "filter";
  wall.samples = {40, 42};
  counted.kind = "instructions";
  counted.value = 120;
  counted.unit = "instructions/packet";
  result.result.cost = {wall, counted};
  LatencyResult latency;
  latency.place = "server:eth0 xdp filter";
  latency.count = 1000;
  latency.p99_ns = 900;
  LatencyResult floor = latency;
  floor.place = "rig floor xdp";
  result.result.latency = {latency, floor};
  return result;
}

// The values of a metric.
std::vector<double> ValuesOf(const std::vector<Sample>& samples, const std::string& metric) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    if (sample.metric == metric) values.push_back(sample.value);
  }
  return values;
}

TEST(SamplesOf, HoldCountsAndMeasurementsByName) {
  const std::vector<Sample> samples = SamplesOf(MakeResult());
  const std::vector<double> one = {1}, ten = {10}, four = {4}, three = {3}, costs = {40, 42}, counted = {120},
                            p99 = {900}, duration = {0.25};
  EXPECT_EQ(ValuesOf(samples, "outcome.pass"), one);
  EXPECT_EQ(ValuesOf(samples, "ledger.sent"), ten);
  EXPECT_EQ(ValuesOf(samples, "ledger.dropped.server:eth0 xdp filter"), four) << "of both reasons";
  EXPECT_EQ(ValuesOf(samples, "verdicts.filter.XDP_DROP"), three);
  EXPECT_EQ(ValuesOf(samples, "cost.filter"), costs);
  EXPECT_EQ(ValuesOf(samples, "cost.filter.instructions"), counted);
  EXPECT_EQ(ValuesOf(samples, "latency.server:eth0 xdp filter.p99"), p99);
  EXPECT_THAT(ValuesOf(samples, "latency.server:eth0 xdp filter.p999"), IsEmpty()) << "too few packets";
  EXPECT_THAT(ValuesOf(samples, "latency.rig floor xdp.p50"), IsEmpty())
      << "of the run, not of the repetition";
  EXPECT_EQ(ValuesOf(samples, "duration"), duration);
  for (const Sample& sample : samples) {
    const bool measured = sample.metric == "cost.filter" || sample.metric == "duration" ||
                          sample.metric.starts_with("latency.");
    EXPECT_EQ(sample.kind, measured ? MetricKind::kSampled : MetricKind::kExact) << sample.metric;
  }
}

TEST(SamplesOf, WhatBrokeOffHasNoAccount) {
  ScenarioResult result = MakeResult();
  result.outcome = ScenarioOutcome::kError;
  ASSERT_EQ(SamplesOf(result).size(), 1U);
  EXPECT_EQ(SamplesOf(result)[0].value, 0);
  result.outcome = ScenarioOutcome::kSkip;
  EXPECT_THAT(SamplesOf(result), IsEmpty());
}

// A suite of one scenario whose files are in the folder.
std::vector<Scenario> MakeSuite(const Folder& folder) {
  Scenario scenario;
  scenario.name = "drop-dns";
  scenario.file = folder.Write("drop-dns.yaml", "name: drop-dns");
  ProgramSpec program;
  program.label = "filter";
  program.object = folder.Write("filter.o", "object");
  scenario.programs = {program};
  ReplayStep replay;
  replay.capture = folder.Write("dns.pcap", "capture");
  scenario.steps.push_back({.what = replay, .mark = {}});
  return {scenario};
}

RunRecord NewRun() {
  RunRecord run;
  run.id = "r1";
  run.label = "mine";
  run.seed = 5;
  run.planned = 2;
  return run;
}

TEST(Recorder, WritesEachScenarioWithTheHashesOfItsFiles) {
  const Folder folder;
  Recorder recorder(folder.Path("s.db"), NewRun(), ReadEnvironment(), MakeSuite(folder));
  EXPECT_EQ(recorder.number(), 1);
  recorder.Add(MakeResult());
  Store store(folder.Path("s.db"), Store::Mode::kRead);  // while the run goes on
  const StoredRun run = store.Find("mine")[0];
  EXPECT_FALSE(run.duration_s);
  EXPECT_THAT(run.run.environment.at("kernel"), testing::Not(IsEmpty()));
  const ScenarioRecord record = store.Scenarios(run).at(0);
  EXPECT_EQ(record.programs.at("filter").substr(0, 8), "2958d416");  // sha256sum of "object"
  EXPECT_EQ(record.captures.size(), 1U);
  EXPECT_EQ(record.scenario_sha256.size(), 64U);
  recorder.End(3);
  EXPECT_EQ(store.Find("mine")[0].duration_s, 3);
  EXPECT_FALSE(recorder.failure());
}

TEST(Recorder, AStoreThatGoesWrongOnTheWayCostsNoResult) {
  const Folder folder;
  Recorder recorder(folder.Path("s.db"), NewRun(), ReadEnvironment(), MakeSuite(folder));
  std::ofstream(folder.Path("s.db"), std::ios::trunc) << "something else";
  recorder.Add(MakeResult());
  recorder.Add(MakeResult());
  recorder.End(1);
  ASSERT_TRUE(recorder.failure());
  EXPECT_THAT(recorder.failure()->what(), HasSubstr("s.db"));
}

TEST(StoredRunDocument, IsADocumentOfRunThatReportsTake) {
  const Folder folder;
  {
    Recorder recorder(folder.Path("s.db"), NewRun(), ReadEnvironment(), MakeSuite(folder));
    recorder.Add(MakeResult());
  }
  Store store(folder.Path("s.db"), Store::Mode::kRead);
  const nlohmann::ordered_json document = StoredRunDocument(store, store.Find("1")[0]);
  EXPECT_EQ(document.at("schema"), "knetlab.run/1");
  EXPECT_EQ(document.at("run").at("planned"), 2);
  EXPECT_EQ(document.at("run").at("interrupted"), true);
  EXPECT_EQ(document.at("scenarios").at(0).at("ledger").at("sent"), 10);
  EXPECT_EQ(document.at("summary").at("pass"), 1);
  for (const std::string& format : ReportFormats())
    EXPECT_THAT(MakeReport(format, document), HasSubstr("drop-dns")) << format;
}

TEST(SourceRevision, IsReadFromABranchAPackedBranchAndADetachedHead) {
  const Folder folder;
  std::filesystem::create_directories(folder.Path(".git/refs/heads"));
  std::filesystem::create_directories(folder.Path("suite"));
  const std::string file = folder.Write("suite/a.yaml", "");
  folder.Write(".git/HEAD", "ref: refs/heads/main\n");
  EXPECT_EQ(SourceRevision(file), "") << "no commit yet";
  folder.Write(".git/packed-refs", "# pack-refs\n" + std::string(kCommit) + " refs/heads/main\n");
  EXPECT_EQ(SourceRevision(file), kCommit);
  const std::string newer(40, 'a');
  folder.Write(".git/refs/heads/main", newer + "\n");
  EXPECT_EQ(SourceRevision(file), newer);
  folder.Write(".git/HEAD", std::string(kCommit) + "\n");
  EXPECT_EQ(SourceRevision(folder.Path("suite")), kCommit);
}

TEST(SourceRevision, FollowsAWorktree) {
  const Folder folder;
  std::filesystem::create_directories(folder.Path("main/.git/worktrees/w"));
  std::filesystem::create_directories(folder.Path("main/.git/refs/heads"));
  std::filesystem::create_directories(folder.Path("w"));
  folder.Write("w/.git", "gitdir: ../main/.git/worktrees/w\n");
  folder.Write("main/.git/worktrees/w/HEAD", "ref: refs/heads/side\n");
  folder.Write("main/.git/worktrees/w/commondir", "../..\n");
  folder.Write("main/.git/refs/heads/side", std::string(kCommit) + "\n");
  EXPECT_EQ(SourceRevision(folder.Path("w")), kCommit);
}

TEST(SourceRevision, OfWhatIsNoCommitIsEmpty) {
  const Folder folder;
  std::filesystem::create_directories(folder.Path(".git"));
  folder.Write(".git/HEAD", "ref: ../../etc/passwd\n");
  EXPECT_EQ(SourceRevision(folder.Path("")), "");
  folder.Write(".git/HEAD", "not a commit\n");
  EXPECT_EQ(SourceRevision(folder.Path("")), "");
}

}  // namespace
}  // namespace knetlab
