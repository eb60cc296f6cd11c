// SPDX-License-Identifier: Apache-2.0
#include "results/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "netns/error.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing_results::Cost;
using testing_results::Count;
using testing_results::MakeRun;
using testing_results::MakeScenario;

// A run in which the scenario ran once with each cost.
RunData WithCosts(const std::string& id, std::int64_t started, const std::vector<double>& costs) {
  RunData data{.run = MakeRun(id, started), .scenarios = {}};
  for (std::size_t i = 0; i < costs.size(); i++)
    data.scenarios.push_back(MakeScenario(id, static_cast<int>(i), 4, {Cost(costs[i])}));
  return data;
}

RunData Dropping(const std::string& id, const std::vector<double>& dropped) {
  RunData data{.run = MakeRun(id), .scenarios = {}};
  for (std::size_t i = 0; i < dropped.size(); i++)
    data.scenarios.push_back(MakeScenario(id, static_cast<int>(i), dropped[i]));
  return data;
}

std::vector<double> Noisy(std::mt19937_64& random, std::size_t n, double centre, double spread) {
  std::lognormal_distribution<double> noise(0, spread);
  std::vector<double> values(n);
  for (double& value : values) value = centre * noise(random);
  return values;
}

Change Of(const Comparison& comparison, const std::string& metric) {
  const auto found = std::find_if(comparison.changes.begin(), comparison.changes.end(),
                                  [&](const Change& change) { return change.metric == metric; });
  if (found == comparison.changes.end()) throw std::runtime_error("no change of " + metric);
  return *found;
}

std::string WhyRefused(const RunData& before, const RunData& after, const CompareOptions& options = {}) {
  try {
    Compare({before}, {after}, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CompareExact, TheSameCountsAreTheSame) {
  const Comparison comparison = Compare({Dropping("a", {4, 4})}, {Dropping("b", {4})}, {});
  EXPECT_EQ(comparison.changes.size(), 5U);
  EXPECT_EQ(comparison.Count(ChangeVerdict::kSame), 5U);
}

TEST(CompareExact, OnePacketsChangedVerdictIsWorse) {
  const Comparison comparison = Compare({Dropping("a", {4, 4, 4})}, {Dropping("b", {4, 4, 5})}, {});
  const Change drop = Of(comparison, "verdicts.filter.XDP_DROP");
  EXPECT_EQ(drop.verdict, ChangeVerdict::kWorse);
  EXPECT_EQ(drop.before, 4);
  EXPECT_EQ(drop.after, 5);
  EXPECT_EQ(drop.ratio, 1.25);
  EXPECT_THAT(drop.note, HasSubstr("1 of 3"));
  EXPECT_EQ(Of(comparison, "verdicts.filter.XDP_PASS").verdict, ChangeVerdict::kWorse);
}

TEST(CompareExact, ACountThatIsNotThereIsZero) {
  RunData before = Dropping("a", {4}), after = Dropping("b", {4, 4});
  after.scenarios[1].samples.push_back(Count("ledger.lost.server:eth0 ring", 1));
  const Change lost = Of(Compare({before}, {after}, {}), "ledger.lost.server:eth0 ring");
  EXPECT_EQ(lost.verdict, ChangeVerdict::kWorse);
  EXPECT_EQ(lost.before, 0);
  EXPECT_EQ(lost.after, 1);
  EXPECT_FALSE(lost.ratio);
  EXPECT_EQ(Of(Compare({after}, {before}, {}), "ledger.lost.server:eth0 ring").note,
            "the baseline itself has 0 to 1");
}

TEST(CompareExact, WhatVariesInTheBaselineMayVary) {
  const RunData before = Dropping("a", {4, 5, 4});
  EXPECT_EQ(Compare({before}, {Dropping("b", {5, 5})}, {}).Count(ChangeVerdict::kWorse), 0U);
  EXPECT_GT(Compare({before}, {Dropping("b", {6})}, {}).Count(ChangeVerdict::kWorse), 0U);
}

TEST(CompareExact, AScenarioThatPassesNowMadeItsCountsBetter) {
  RunData before = Dropping("a", {3});
  before.scenarios[0].outcome = "fail";
  before.scenarios[0].samples[0].value = 0;
  const Comparison comparison = Compare({before}, {Dropping("b", {4})}, {});
  EXPECT_EQ(Of(comparison, "outcome.pass").verdict, ChangeVerdict::kBetter);
  EXPECT_EQ(Of(comparison, "verdicts.filter.XDP_DROP").verdict, ChangeVerdict::kBetter);
  const Comparison back = Compare({Dropping("b", {4})}, {before}, {});
  EXPECT_EQ(Of(back, "outcome.pass").verdict, ChangeVerdict::kWorse);
}

TEST(CompareExact, CountedInstructionsHaveADirection) {
  RunData before = Dropping("a", {4}), after = Dropping("b", {4});
  const Sample counted = {
      .metric = "cost.filter.instructions", .unit = "instructions", .kind = MetricKind::kExact, .value = 100};
  before.scenarios[0].samples.push_back(counted);
  after.scenarios[0].samples.push_back(counted);
  after.scenarios[0].samples.back().value = 99;
  EXPECT_EQ(Of(Compare({before}, {after}, {}), "cost.filter.instructions").verdict, ChangeVerdict::kBetter);
  EXPECT_EQ(Of(Compare({after}, {before}, {}), "cost.filter.instructions").verdict, ChangeVerdict::kWorse);
}

TEST(CompareSampled, AClearChangeIsFoundInItsDirection) {
  std::mt19937_64 random(1);
  const RunData before = WithCosts("a", 1, Noisy(random, 12, 100, 0.01));
  const RunData after = WithCosts("b", 2, Noisy(random, 12, 110, 0.01));
  const Change slower = Of(Compare({before}, {after}, {}), "cost.filter");
  EXPECT_EQ(slower.verdict, ChangeVerdict::kWorse);
  EXPECT_NEAR(*slower.ratio, 1.1, 0.02);
  EXPECT_LT(*slower.ratio_low, 1.1);
  EXPECT_GT(*slower.ratio_high, 1.1);
  EXPECT_EQ(Of(Compare({after}, {before}, {}), "cost.filter").verdict, ChangeVerdict::kBetter);
}

TEST(CompareSampled, AChangeBelowTheThresholdIsTheSame) {
  std::mt19937_64 random(2);
  const RunData before = WithCosts("a", 1, Noisy(random, 12, 100, 0.001));
  const RunData after = WithCosts("b", 2, Noisy(random, 12, 101, 0.001));
  const Change change = Of(Compare({before}, {after}, {}), "cost.filter");
  EXPECT_EQ(change.verdict, ChangeVerdict::kSame);
  EXPECT_LT(*change.p_value, 0.001);
  EXPECT_THAT(change.note, HasSubstr("threshold of 2 %"));
  EXPECT_EQ(Of(Compare({before}, {after}, {.threshold_percent = 0.5, .across = {}}), "cost.filter").verdict,
            ChangeVerdict::kWorse);
}

TEST(CompareSampled, TooFewRepetitionsTellNothingAndSayHowManyWould) {
  const Comparison comparison = Compare({WithCosts("a", 1, {100})}, {WithCosts("b", 2, {500})}, {});
  EXPECT_EQ(Of(comparison, "cost.filter").verdict, ChangeVerdict::kSame);
  EXPECT_EQ(comparison.undecided, 1U);
  EXPECT_EQ(comparison.repetitions_needed, 7U);  // 2 / (14 over 7) = 0.0006
}

TEST(CompareSampled, SeveralSamplesOfARepetitionCountAsOne) {
  RunData before = WithCosts("a", 1, {100}), after = WithCosts("b", 2, {200});
  for (int i = 0; i < 20; i++) {
    before.scenarios[0].samples.push_back(Cost(100 + i));
    after.scenarios[0].samples.push_back(Cost(200 + i));
  }
  const Change change = Of(Compare({before}, {after}, {}), "cost.filter");
  EXPECT_EQ(change.before_samples, 1U);
  EXPECT_EQ(change.verdict, ChangeVerdict::kSame);
}

TEST(CompareSampled, AMachineThatSlowsDownOnTheWayIsNoChange) {
  std::vector<double> steady, slowing;
  for (int i = 0; i < 12; i++) {
    steady.push_back(100 + 0.1 * i);
    slowing.push_back(104 + 2.0 * i);
  }
  const Change change =
      Of(Compare({WithCosts("a", 1, steady)}, {WithCosts("b", 2, slowing)}, {}), "cost.filter");
  EXPECT_EQ(change.verdict, ChangeVerdict::kWorse) << "larger than the drift";
  for (double& value : slowing) value -= 4.5;
  const Change small =
      Of(Compare({WithCosts("a", 1, steady)}, {WithCosts("b", 2, slowing)}, {}), "cost.filter");
  EXPECT_EQ(small.verdict, ChangeVerdict::kSame);
  EXPECT_THAT(small.note, HasSubstr("drifts"));
}

TEST(CompareSampled, RunsThatAlternateMayDriftTogether) {
  std::vector<RunData> before, after;
  for (std::int64_t i = 0; i < 10; i++) {
    const double drift = 1 + 0.02 * static_cast<double>(i);
    before.push_back(WithCosts("a" + std::to_string(i), 2 * i, {100 * drift}));
    after.push_back(WithCosts("b" + std::to_string(i), 2 * i + 1, {130 * drift}));
  }
  EXPECT_EQ(Of(Compare(before, after, {}), "cost.filter").verdict, ChangeVerdict::kWorse);
}

TEST(CompareSampled, DurationsNeedMoreThanTheThreshold) {
  std::mt19937_64 random(3);
  RunData before{.run = MakeRun("a", 1), .scenarios = {}}, after{.run = MakeRun("b", 2), .scenarios = {}};
  for (int i = 0; i < 12; i++) {
    for (auto [data, centre] : {std::pair(&before, 0.1), std::pair(&after, 0.12)}) {
      const Sample duration = {.metric = "duration",
                               .unit = "s",
                               .kind = MetricKind::kSampled,
                               .value = Noisy(random, 1, centre, 0.001)[0]};
      data->scenarios.push_back(MakeScenario(data->run.id, i, 4, {duration}));
    }
  }
  EXPECT_EQ(Of(Compare({before}, {after}, {}), "duration").verdict, ChangeVerdict::kSame);
}

// What a job rests on: 200 comparisons of the same with itself, many metrics each, and at most two alarms.
TEST(CompareSampled, TheSameComparedWithItselfRaisesNoAlarm) {
  std::mt19937_64 random(5);
  int alarms = 0;
  for (int i = 0; i < 200; i++) {
    RunData before{.run = MakeRun("a", 1), .scenarios = {}}, after{.run = MakeRun("b", 2), .scenarios = {}};
    for (int repetition = 0; repetition < 12; repetition++) {
      for (RunData* data : {&before, &after}) {
        std::vector<Sample> samples;
        samples.reserve(20);
        for (int metric = 0; metric < 20; metric++)
          samples.push_back(Cost(Noisy(random, 1, 100, 0.05)[0], "cost.p" + std::to_string(metric)));
        data->scenarios.push_back(MakeScenario(data->run.id, repetition, 4, samples));
      }
    }
    const Comparison comparison = Compare({before}, {after}, {.threshold_percent = 0, .across = {}});
    alarms += comparison.Count(ChangeVerdict::kSame) < comparison.changes.size() ? 1 : 0;
  }
  EXPECT_LE(alarms, 2);
}

TEST(CompareEnvironment, AnotherKernelIsRefusedUnlessTold) {
  RunData before = Dropping("a", {4}), after = Dropping("b", {4});
  after.run.environment["kernel"] = "6.18.0";
  after.scenarios[0].kernel = "6.18.0";
  EXPECT_THAT(WhyRefused(before, after), HasSubstr("the environments differ: kernel"));
  EXPECT_THAT(WhyRefused(before, after), HasSubstr("kernel: 6.1.0 before, 6.18.0 now"));
  EXPECT_THAT(WhyRefused(before, after), HasSubstr("--across kernel"));
  EXPECT_EQ(Compare({before}, {after}, {.threshold_percent = 2, .across = {"kernel"}}).changes.size(), 5U);
  after.run.environment["jit"] = "0";
  EXPECT_THAT(WhyRefused(before, after, {.threshold_percent = 2, .across = {"kernel"}}), HasSubstr("jit"));
  EXPECT_EQ(Compare({before}, {after}, {.threshold_percent = 2, .across = {"all"}}).changes.size(), 5U);
}

TEST(CompareEnvironment, AnotherRigIsRefusedUnlessTold) {
  RunData before = Dropping("a", {4}), after = Dropping("b", {4});
  after.scenarios[0].rig = "unit";
  EXPECT_THAT(WhyRefused(before, after), HasSubstr("rig: wire before, unit now"));
  EXPECT_EQ(Compare({before}, {after}, {.threshold_percent = 2, .across = {"rig"}}).changes.size(), 5U);
}

TEST(Compare, TellsWhatAppearedAndVanished) {
  RunData before = Dropping("a", {4, 4}), after = Dropping("b", {4, 4});
  before.scenarios[1].name = "old";
  after.scenarios[1].name = "new";
  after.scenarios[0].samples.push_back(Cost(5));
  after.scenarios[0].scenario_sha256 = "other";
  const Comparison comparison = Compare({before}, {after}, {});
  EXPECT_THAT(comparison.vanished, Contains("old"));
  EXPECT_THAT(comparison.appeared, Contains("new"));
  EXPECT_THAT(comparison.appeared, Contains("drop-dns: cost.filter"));
  EXPECT_THAT(comparison.notes, Contains("drop-dns: another scenario file"));
}

TEST(Compare, AScenarioThatIsSkippedNowIsTold) {
  RunData after = Dropping("b", {4, 4});
  after.scenarios[0].outcome = "skip";
  after.scenarios[0].reason = "needs tcx";
  after.scenarios[0].samples.clear();
  after.scenarios[1].name = "other";
  RunData before = Dropping("a", {4, 4});
  before.scenarios[1].name = "other";
  EXPECT_THAT(Compare({before}, {after}, {}).vanished, Contains("drop-dns (skipped: needs tcx)"));
}

TEST(Compare, OfRunsWithNothingInCommonIsAnError) {
  RunData after = Dropping("b", {4});
  after.scenarios[0].name = "other";
  EXPECT_THAT(WhyRefused(Dropping("a", {4}), after), HasSubstr("no scenario was run on both sides"));
}

}  // namespace
}  // namespace knetlab
