// SPDX-License-Identifier: Apache-2.0
// Lays packets out as the generator reads them (bpf/include/live_frames_abi.h), one slab after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/packet_feed.h"

namespace knetlab {

class SlabWriter {
 public:
  SlabWriter();

  // Whether there is room for one more packet, of any length a live frame can have.
  bool HasRoom() const;
  bool empty() const { return used_ == 0; }
  // `due_ns` is when it is due, after the first packet of the round.
  void Add(std::span<const std::byte> packet, std::uint64_t due_ns);
  // LIVE_SLAB bytes, with their end marked.
  std::span<const std::byte> Finish();
  void Clear() { used_ = 0; }

 private:
  std::vector<std::byte> slab_;
  std::size_t used_ = 0;
};

// So many slabs are enough for a round of these.
std::uint64_t SlabsFor(const FeedSummary& summary);

}  // namespace knetlab
