// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace knetlab {
namespace {

constexpr std::uint64_t kHourNs = 3'600'000'000'000;
constexpr double kQuantiles[] = {0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1};

std::uint64_t ExactAt(const std::vector<std::uint64_t>& sorted, double quantile) {
  const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted.at(std::max<std::size_t>(rank, 1) - 1);
}

void ExpectQuantilesOf(std::vector<std::uint64_t> values) {
  Histogram histogram;
  for (std::uint64_t value : values) histogram.Record(value);
  std::sort(values.begin(), values.end());
  ASSERT_EQ(histogram.count(), values.size());
  for (double quantile : kQuantiles) {
    const auto exact = static_cast<double>(ExactAt(values, quantile));
    EXPECT_NEAR(static_cast<double>(histogram.ValueAt(quantile)), exact, exact * 0.01) << quantile;
  }
}

TEST(Histogram, EveryValueIsWithinOnePercentOfItsBucketsMiddle) {
  for (std::uint64_t power = 1; power <= kHourNs; power *= 2) {
    for (std::uint64_t value : {power - 1, power, power + 1, power + power / 3, power + power / 128 * 127}) {
      if (value > kHourNs) continue;
      const auto middle = static_cast<double>(Histogram::MiddleOf(histogram_bucket(value)));
      EXPECT_NEAR(middle, static_cast<double>(value), static_cast<double>(value) * 0.01) << value;
    }
  }
}

TEST(Histogram, BucketsAreInTheOrderOfTheirValuesAndNoneIsLeftOut) {
  std::uint64_t before = 0;
  for (std::uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const std::uint64_t middle = Histogram::MiddleOf(bucket);
    EXPECT_EQ(histogram_bucket(middle), bucket);
    EXPECT_TRUE(bucket == 0 || middle > before) << bucket;
    before = middle;
  }
}

TEST(Histogram, SmallValuesAreExact) {
  for (std::uint64_t value = 0; value < 128; value++)
    EXPECT_EQ(Histogram::MiddleOf(histogram_bucket(value)), value);
}

TEST(Histogram, QuantilesAgreeWithSortedData) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> uniform, skewed;
  std::uniform_int_distribution<std::uint64_t> to_hour(1, kHourNs);
  std::lognormal_distribution<double> latency(8, 1.5);
  for (int i = 0; i < 20'000; i++) {
    uniform.push_back(to_hour(random));
    skewed.push_back(static_cast<std::uint64_t>(latency(random)) + 1);
  }
  ExpectQuantilesOf(uniform);
  ExpectQuantilesOf(skewed);
  ExpectQuantilesOf({7});
  ExpectQuantilesOf({1, kHourNs});
}

TEST(Histogram, MergedEqualsRecordedTogether) {
  Histogram first, second, together;
  for (std::uint64_t value = 1; value < 100'000; value += 7) {
    (value % 2 == 0 ? first : second).Record(value);
    together.Record(value);
  }
  first.Merge(second);
  EXPECT_EQ(first.count(), together.count());
  for (double quantile : kQuantiles) EXPECT_EQ(first.ValueAt(quantile), together.ValueAt(quantile));
}

TEST(Histogram, TooLargeValuesCountAsTheLargest) {
  Histogram histogram;
  histogram.Record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), Histogram::MiddleOf(HISTOGRAM_BUCKETS - 1));
  EXPECT_THROW(histogram.AddBucket(HISTOGRAM_BUCKETS, 1), std::out_of_range);
}

TEST(Histogram, NothingRecordedIsZero) {
  EXPECT_EQ(Histogram().ValueAt(0.5), 0u);
  EXPECT_EQ(Histogram().count(), 0u);
}

}  // namespace
}  // namespace knetlab
