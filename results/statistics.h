// SPDX-License-Identifier: Apache-2.0
// The statistics of comparisons: of small samples whose distribution nobody knows, so by ranks.
//
//   RankTest test = MannWhitney(before, after);      // could both come from one distribution?
//   RatioEstimate ratio = EstimateRatio(before, after);
//
// Pure functions of their arguments. Samples must not be empty and hold no NaN.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace knetlab {

double Median(std::span<const double> values);

struct RankTest {
  double u = 0;        // of the first sample: pairs in which it is greater; ties count half
  double p_value = 1;  // two-sided
  bool exact = false;  // from the distribution of U itself, ties included; else the normal approximation
};

// Mann and Whitney 1947. Exact by counting all assignments of the (mid)ranks, as long as they can be counted
// quickly (30 of each and more); beyond that normal, with corrections for ties and continuity.
RankTest MannWhitney(std::span<const double> first, std::span<const double> second);

// The smallest p-value that samples of these sizes can have: where it is above the level, they are too small
// to tell anything.
double SmallestPValue(std::size_t first, std::size_t second);

struct RatioEstimate {
  double ratio = 1;                 // median of the second by median of the first
  std::optional<double> low, high;  // 95 % interval of Hodges and Lehmann; none where samples are too small
};

// None where a value is not above 0.
std::optional<RatioEstimate> EstimateRatio(std::span<const double> before, std::span<const double> after);

// Holm 1979: p-values of a family of tests, corrected so that the chance of even one false alarm among all of
// them stays below the level. In the order given.
std::vector<double> HolmAdjusted(std::span<const double> p_values);

}  // namespace knetlab
