// SPDX-License-Identifier: Apache-2.0
// How values are spread: counts in log-linear buckets (bpf/include/histogram_abi.h, which BPF programs fill
// too). Every value it gives back is the middle of a bucket, at most 0.8 % from the exact one.
//
//   Histogram latency;
//   latency.Record(1200);
//   latency.Merge(other);
//   std::uint64_t p99 = latency.ValueAt(0.99);
//
// Values are integers, by custom nanoseconds, from 0 to 2^42 - 1 (73 minutes); larger ones count as the
// largest. One histogram takes 19 KB. Not thread-safe: one a thread, merged at the end.
#pragma once

#include <array>
#include <cstdint>

#include "bpf/include/histogram_abi.h"

namespace knetlab {

class Histogram {
 public:
  void Record(std::uint64_t value, std::uint64_t count = 1) { AddBucket(histogram_bucket(value), count); }
  // What a BPF program counted. Throws std::out_of_range for a bucket that does not exist.
  void AddBucket(std::uint32_t bucket, std::uint64_t count) {
    counts_.at(bucket) += count;
    count_ += count;
  }
  void Merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  // The smallest value that at least the fraction `quantile` (0 to 1) of all values does not exceed: nearest
  // rank. 0 where there are none.
  std::uint64_t ValueAt(double quantile) const;
  std::uint64_t max() const { return ValueAt(1); }

  // The value that stands for a bucket.
  static std::uint64_t MiddleOf(std::uint32_t bucket);

 private:
  std::array<std::uint64_t, HISTOGRAM_BUCKETS> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace knetlab
