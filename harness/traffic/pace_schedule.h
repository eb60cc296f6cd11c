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

#include "harness/traffic/replay.h"

namespace knetlab {

class PaceSchedule {
 public:
  PaceSchedule(const Pace& pace, std::span<const Packet> packets);

  // Packets are due as fast as they can be sent.
  bool immediate() const { return pace_.kind == Pace::Kind::kMax; }
  // Nanoseconds after the first packet at which packet `index` (from 0, counted on over all loops) is due.
  std::uint64_t OffsetNs(std::uint64_t index) const;

 private:
  Pace pace_;
  std::vector<std::uint64_t> capture_offsets_;  // of one loop; empty where the capture's times do not matter
};

}  // namespace knetlab
