// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/histogram.h"

#include <algorithm>
#include <cmath>

namespace knetlab {

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); i++) counts_[i] += other.counts_[i];
  count_ += other.count_;
}

std::uint64_t Histogram::MiddleOf(std::uint32_t bucket) {
  if (bucket < 2 * HISTOGRAM_SUB) return bucket;
  const std::uint32_t shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
  const std::uint64_t low = std::uint64_t{bucket - (shift << HISTOGRAM_SUB_BITS)} << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

std::uint64_t Histogram::ValueAt(double quantile) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_));
  const std::uint64_t rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t below = 0;
  for (std::uint32_t bucket = 0; bucket < counts_.size(); bucket++) {
    below += counts_[bucket];
    if (below >= rank) return MiddleOf(bucket);
  }
  return MiddleOf(HISTOGRAM_BUCKETS - 1);
}

}  // namespace knetlab
