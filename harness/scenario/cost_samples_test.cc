// SPDX-License-Identifier: Apache-2.0
// Costs as a run reports them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/measure/cost.h"
#include "harness/scenario/runner.h"

namespace knetlab {
namespace {

class CostSamples : public testing::TestWithParam<const char*> {};

TEST_P(CostSamples, HaveTheCostAsTheirMedian) {
  RunOptions options;
  options.rig = GetParam();
  options.filters = {"xdp-drop-dns"};
  options.object_folders = {KNETLAB_OBJECTS};
  const RunReport report = RunScenarios({KNETLAB_SMOKE}, options);
  ASSERT_EQ(report.scenarios.size(), 1u);
  ASSERT_EQ(report.scenarios[0].result.cost.size(), 1u) << report.scenarios[0].reason;
  const CostResult& cost = report.scenarios[0].result.cost.front();
  EXPECT_EQ(cost.program, "filter");
  EXPECT_EQ(cost.kind, "wall");
  EXPECT_FALSE(cost.samples.empty());
  EXPECT_LE(cost.samples.size(), 10u);
  EXPECT_THAT(cost.samples, testing::Each(testing::Gt(0)));
  EXPECT_EQ(cost.value, MedianOf(cost.samples));
  EXPECT_GT(cost.runs, 0u);
}

INSTANTIATE_TEST_SUITE_P(OnEachRig, CostSamples, testing::Values("unit", "wire"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace knetlab
