// SPDX-License-Identifier: Apache-2.0
// When each packet of a replay is due, as a pure function of the pace and the capture's times.
//
// Capture times are a file's word: a time before the packet's predecessor counts as the same time, and so
// does one more than an hour after it, which is a clock that was set and not a pause anyone wants kept. Loops
// follow each other without a gap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/pace.h"

namespace knetlab {

// Reads capture times, one after the other.
class CaptureClock {
 public:
  // Nanoseconds after the first packet at which the packet with this time was captured.
  std::uint64_t OffsetNs(std::uint64_t time_ns);

 private:
  std::uint64_t offset_ns_ = 0;
  std::uint64_t before_ns_ = 0;
  bool begun_ = false;
};

class PaceSchedule {
 public:
  PaceSchedule(const Pace& pace, std::span<const Packet> packets);

  // Packets are due as fast as they can be sent.
  bool immediate() const { return pace_.kind == Pace::Kind::kMax; }
  // Nanoseconds after the first packet at which packet `index` (from 0, counted on over all loops) is due.
  std::uint64_t OffsetNs(std::uint64_t index) const;

 private:
  Pace pace_;
  // Of one loop: nanoseconds, or bits sent before a packet at kMbps. Empty where neither matters.
  std::vector<std::uint64_t> capture_offsets_;
  std::uint64_t loop_offset_ = 0;  // at the end of a loop
};

}  // namespace knetlab
