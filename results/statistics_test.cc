// SPDX-License-Identifier: Apache-2.0
// Expected values: SciPy 1.10 (scipy.stats.mannwhitneyu) unless said otherwise; those with ties and few
// values by counting all assignments of the ranks. The first pair of samples is the example of R's
// wilcox.test (Hollander and Wolfe 1973, page 69), where R gives 0.1272 for one side.
#include "results/statistics.h"

#include <gtest/gtest.h>

#include <random>

namespace knetlab {
namespace {

const std::vector<double> kPermeabilityX = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
const std::vector<double> kPermeabilityY = {1.15, 0.88, 0.90, 0.74, 1.21};

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoMiddleOnes) {
  EXPECT_EQ(Median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(Median(std::vector<double>{4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Median(std::vector<double>{7}), 7);
}

TEST(MannWhitney, IsExactForSmallSamples) {
  const RankTest test = MannWhitney(kPermeabilityX, kPermeabilityY);
  EXPECT_TRUE(test.exact);
  EXPECT_EQ(test.u, 35);
  EXPECT_NEAR(test.p_value, 0.2544122544122544, 1e-12);
}

TEST(MannWhitney, SaysTheSameFromEitherSide) {
  EXPECT_NEAR(MannWhitney(kPermeabilityY, kPermeabilityX).p_value, 0.2544122544122544, 1e-12);
  EXPECT_EQ(MannWhitney(kPermeabilityY, kPermeabilityX).u, 15);
}

TEST(MannWhitney, IsExactWithTies) {
  const RankTest test = MannWhitney(std::vector<double>{1, 2, 2, 3}, std::vector<double>{2, 3, 3, 4, 5});
  EXPECT_EQ(test.u, 3);
  EXPECT_NEAR(test.p_value, 0.15873015873015872, 1e-12);
  EXPECT_NEAR(MannWhitney(std::vector<double>{1, 1, 1, 2, 5}, std::vector<double>{1, 2, 2, 9, 9, 9}).p_value,
              0.1341991341991342, 1e-12);
}

TEST(MannWhitney, UsesTheNormalApproximationForLargeSamples) {
  std::vector<double> first, second;
  for (int i = 0; i < 40; i++) {
    first.push_back(3 * i);
    second.push_back(10 + 3 * i);
  }
  const RankTest test = MannWhitney(first, second);
  EXPECT_FALSE(test.exact);
  EXPECT_EQ(test.u, 666);
  EXPECT_NEAR(test.p_value, 0.1989305781861731, 1e-12);
}

TEST(MannWhitney, CorrectsTheApproximationForTies) {
  std::vector<double> first, second;
  for (int i = 0; i < 50; i++) first.push_back(i % 7);
  for (int i = 0; i < 60; i++) second.push_back(i % 8);
  EXPECT_NEAR(MannWhitney(first, second).p_value, 0.347988324977615, 1e-12);
}

TEST(MannWhitney, OfEqualValuesFindsNothing) {
  EXPECT_EQ(MannWhitney(std::vector<double>(5, 1.0), std::vector<double>(9, 1.0)).p_value, 1);
  EXPECT_EQ(MannWhitney(std::vector<double>(90, 1.0), std::vector<double>(90, 1.0)).p_value, 1);
  EXPECT_EQ(MannWhitney(std::vector<double>{1}, std::vector<double>{2}).p_value, 1);
}

TEST(SmallestPValue, IsThatOfSamplesThatDoNotOverlap) {
  EXPECT_NEAR(SmallestPValue(5, 5), 2.0 / 252, 1e-15);
  EXPECT_NEAR(SmallestPValue(10, 10), 1.082508822446903e-05, 1e-18);
  EXPECT_NEAR(MannWhitney(std::vector<double>{1, 2, 3, 4, 5}, std::vector<double>{6, 7, 8, 9, 10}).p_value,
              SmallestPValue(5, 5), 1e-15);
  EXPECT_EQ(SmallestPValue(1, 1), 1);
}

// The 9th smallest and the 9th largest of the 50 ratios: 9 is R's qwilcox(0.025, 10, 5).
TEST(EstimateRatio, HasTheIntervalOfHodgesAndLehmann) {
  const auto estimate = EstimateRatio(kPermeabilityX, kPermeabilityY);
  ASSERT_TRUE(estimate && estimate->low && estimate->high);
  EXPECT_NEAR(estimate->ratio, 0.6360424028268551, 1e-12);
  EXPECT_NEAR(*estimate->low, 0.5103448275862069, 1e-12);
  EXPECT_NEAR(*estimate->high, 1.1634615384615383, 1e-12);
}

TEST(EstimateRatio, HasNoIntervalWhereSamplesAreTooSmall) {
  const auto estimate = EstimateRatio(std::vector<double>{2, 2}, std::vector<double>{4, 4});
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->ratio, 2);
  EXPECT_FALSE(estimate->low);
}

TEST(EstimateRatio, IsNoneWhereAValueIsNotPositive) {
  EXPECT_FALSE(EstimateRatio(std::vector<double>{0, 1}, std::vector<double>{1, 1}));
}

// By hand: sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never falling.
TEST(HolmAdjusted, KeepsTheOrderGiven) {
  const std::vector<double> adjusted = HolmAdjusted(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};
  ASSERT_EQ(adjusted.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); i++) EXPECT_NEAR(adjusted[i], expected[i], 1e-15);
  EXPECT_TRUE(HolmAdjusted({}).empty());
}

// The level is what it says: of many pairs from one distribution, about as many are found as the level
// allows.
TEST(MannWhitney, KeepsItsLevel) {
  std::mt19937_64 random(20261122);
  std::lognormal_distribution<double> values(4, 0.1);
  constexpr int kPairs = 2000;
  int found = 0;
  for (int i = 0; i < kPairs; i++) {
    std::vector<double> first(9), second(11);
    for (double& value : first) value = values(random);
    for (double& value : second) value = values(random);
    found += MannWhitney(first, second).p_value <= 0.05 ? 1 : 0;
  }
  EXPECT_LE(found, kPairs * 6 / 100);
  EXPECT_GE(found, kPairs * 3 / 100);
}

}  // namespace
}  // namespace knetlab
