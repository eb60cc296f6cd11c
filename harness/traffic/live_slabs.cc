// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/live_slabs.h"

#include <algorithm>
#include <cstring>

#include "bpf/include/live_frames_abi.h"

namespace knetlab {

SlabWriter::SlabWriter() : slab_(LIVE_SLAB) {}

bool SlabWriter::HasRoom() const {
  return used_ <= LIVE_LAST_START;
}

void SlabWriter::Add(std::span<const std::byte> packet, std::uint64_t due_ns) {
  live_record record{};
  record.length = static_cast<std::uint32_t>(packet.size());
  record.due_ns = due_ns;
  std::memcpy(&slab_[used_], &record, sizeof(record));
  std::copy(packet.begin(), packet.end(),
            slab_.begin() + static_cast<std::ptrdiff_t>(used_ + sizeof(record)));
  used_ += (sizeof(record) + packet.size() + LIVE_ALIGN - 1) / LIVE_ALIGN * LIVE_ALIGN;
}

std::span<const std::byte> SlabWriter::Finish() {
  if (HasRoom()) {
    const live_record end{};
    std::memcpy(&slab_[used_], &end, sizeof(end));
  }
  return slab_;
}

std::uint64_t SlabsFor(const FeedSummary& summary) {
  // A slab is left only when more than LIVE_LAST_START bytes of it are used.
  return (summary.aligned_bytes + summary.packets * sizeof(live_record)) / LIVE_LAST_START + 1;
}

}  // namespace knetlab
