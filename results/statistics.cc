// SPDX-License-Identifier: Apache-2.0
#include "results/statistics.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/special_functions/binomial.hpp>
#include <cmath>
#include <numeric>

namespace knetlab {
namespace {

constexpr double kMostSteps = 1e7;       // of counting; some tens of milliseconds
constexpr double kIntervalAlpha = 0.05;  // of the 95 % interval

struct Ranked {
  std::vector<int> doubled;  // ranks times two, so that the midranks of ties are whole
  double ties = 0;           // sum of t^3 - t over groups of t equal values
};

// Ranks of the first sample's values come first, then the second's.
Ranked Rank(std::span<const double> first, std::span<const double> second) {
  std::vector<double> values(first.begin(), first.end());
  values.insert(values.end(), second.begin(), second.end());
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Ranked ranked;
  ranked.doubled.resize(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) end++;
    // Ranks begin+1 .. end have the mean (begin + 1 + end) / 2.
    for (std::size_t i = begin; i < end; i++) ranked.doubled[order[i]] = static_cast<int>(begin + 1 + end);
    const auto size = static_cast<double>(end - begin);
    ranked.ties += size * size * size - size;
  }
  return ranked;
}

// Where the doubled ranks are given to a group of `chosen` at random: the chance of each doubled rank sum.
std::vector<double> RankSumDistribution(const std::vector<int>& doubled, std::size_t chosen) {
  const auto largest = static_cast<std::size_t>(std::accumulate(doubled.begin(), doubled.end(), 0));
  // ways[k][s]: subsets of k ranks with the sum s; as doubles, which lose nothing that matters below 2^1000.
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(largest + 1, 0));
  ways[0][0] = 1;
  std::size_t reached = 0;
  for (const int rank : doubled) {
    const auto step = static_cast<std::size_t>(rank);
    reached += step;
    for (std::size_t k = chosen; k > 0; k--) {
      for (std::size_t sum = reached; sum >= step; sum--) ways[k][sum] += ways[k - 1][sum - step];
    }
  }
  std::vector<double> chances = std::move(ways[chosen]);
  const double all = std::accumulate(chances.begin(), chances.end(), 0.0);
  for (double& chance : chances) chance /= all;
  return chances;
}

bool CanCount(std::size_t first, std::size_t second) {
  const auto n = static_cast<double>(first + second);
  return static_cast<double>(std::min(first, second)) * n * n * (n + 1) <= kMostSteps;
}

double ExactPValue(const std::vector<int>& doubled, std::size_t first, std::size_t second) {
  // The smaller group is quicker to count, and says the same.
  const auto begin = first <= second ? doubled.begin() : doubled.begin() + static_cast<std::ptrdiff_t>(first);
  const std::size_t chosen = std::min(first, second);
  const auto sum =
      static_cast<std::size_t>(std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(chosen), 0));
  const std::vector<double> chances = RankSumDistribution(doubled, chosen);
  const auto at = chances.begin() + static_cast<std::ptrdiff_t>(sum);
  const double below = std::accumulate(chances.begin(), at + 1, 0.0);
  const double above = std::accumulate(at, chances.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above));
}

double NormalPValue(double u, double ties, std::size_t first, std::size_t second) {
  const auto a = static_cast<double>(first), b = static_cast<double>(second), n = a + b;
  const double variance = a * b / 12 * (n + 1 - ties / (n * (n - 1)));
  if (variance <= 0) return 1;  // all values are equal
  const double away = std::max(0.0, std::abs(u - a * b / 2) - 0.5);
  const boost::math::normal standard;
  return std::min(1.0, 2 * boost::math::cdf(boost::math::complement(standard, away / std::sqrt(variance))));
}

// How many of the sorted pairwise ratios lie outside the interval at each end; 0 where none may.
std::size_t OutsideInterval(std::size_t first, std::size_t second) {
  const auto a = static_cast<double>(first), b = static_cast<double>(second);
  if (!CanCount(first, second)) {
    const double z = boost::math::quantile(boost::math::normal(), 1 - kIntervalAlpha / 2);
    return static_cast<std::size_t>(std::max(0.0, a * b / 2 - z * std::sqrt(a * b * (a + b + 1) / 12)));
  }
  std::vector<int> doubled(first + second);
  for (std::size_t i = 0; i < doubled.size(); i++) doubled[i] = static_cast<int>(2 * (i + 1));
  const std::size_t chosen = std::min(first, second);
  const std::vector<double> chances = RankSumDistribution(doubled, chosen);
  const std::size_t least = chosen * (chosen + 1);  // doubled
  double below = 0;
  std::size_t outside = 0;
  for (std::size_t sum = least; sum < chances.size(); sum += 2, outside++) {
    below += chances[sum];
    if (below >= kIntervalAlpha / 2) break;
  }
  return outside;
}

}  // namespace

double Median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

RankTest MannWhitney(std::span<const double> first, std::span<const double> second) {
  const Ranked ranked = Rank(first, second);
  const auto a = static_cast<double>(first.size());
  const auto end = ranked.doubled.begin() + static_cast<std::ptrdiff_t>(first.size());
  RankTest test;
  test.u = std::accumulate(ranked.doubled.begin(), end, 0) / 2.0 - a * (a + 1) / 2;
  test.exact = CanCount(first.size(), second.size());
  test.p_value = test.exact ? ExactPValue(ranked.doubled, first.size(), second.size())
                            : NormalPValue(test.u, ranked.ties, first.size(), second.size());
  return test;
}

double SmallestPValue(std::size_t first, std::size_t second) {
  const auto all = static_cast<unsigned>(first + second);
  constexpr unsigned kLargest = 1000;  // beyond it the number of orders leaves what a double holds
  if (all > kLargest) return 0;
  return std::min(1.0, 2 / boost::math::binomial_coefficient<double>(all, static_cast<unsigned>(first)));
}

std::optional<RatioEstimate> EstimateRatio(std::span<const double> before, std::span<const double> after) {
  const auto positive = [](double value) { return value > 0; };
  if (!std::all_of(before.begin(), before.end(), positive) ||
      !std::all_of(after.begin(), after.end(), positive))
    return std::nullopt;
  RatioEstimate estimate;
  estimate.ratio = Median(after) / Median(before);
  const std::size_t outside = OutsideInterval(before.size(), after.size());
  if (outside == 0) return estimate;
  std::vector<double> ratios;
  ratios.reserve(before.size() * after.size());
  for (const double old_value : before) {
    for (const double new_value : after) ratios.push_back(new_value / old_value);
  }
  std::sort(ratios.begin(), ratios.end());
  estimate.low = ratios[outside - 1];
  estimate.high = ratios[ratios.size() - outside];
  return estimate;
}

std::vector<double> HolmAdjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double most = 0;
  for (std::size_t i = 0; i < order.size(); i++) {
    most = std::max(most, std::min(1.0, static_cast<double>(order.size() - i) * p_values[order[i]]));
    adjusted[order[i]] = most;
  }
  return adjusted;
}

}  // namespace knetlab
