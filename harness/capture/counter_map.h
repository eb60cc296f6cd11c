// SPDX-License-Identifier: Apache-2.0
// The counters of a capture's points: an array map of one value, mapped into our memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/capture/capture_program.h"
#include "netns/fd.h"

namespace knetlab {

class CounterMap {
 public:
  // For so many points, fewer on machines of more than 256 CPUs. Throws Error.
  explicit CounterMap(std::uint32_t points);
  ~CounterMap();
  CounterMap(const CounterMap&) = delete;
  CounterMap& operator=(const CounterMap&) = delete;

  int fd() const { return map_.get(); }
  std::uint32_t points() const { return points_; }
  std::uint32_t cpus() const { return cpus_; }
  // As they are now, a CPU each. From any thread.
  std::vector<CaptureCounters> Of(std::uint32_t point) const;

 private:
  std::uint32_t cpus_, points_;
  std::size_t bytes_;
  UniqueFd map_;
  const std::byte* memory_ = nullptr;
};

}  // namespace knetlab
