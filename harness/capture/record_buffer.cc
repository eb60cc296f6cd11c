// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/record_buffer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kLeastBuffer = std::size_t{1} << 18;

bool HasRingBuffer() {
  static const bool has = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) == 1;
  return has;
}

// Before Linux 5.11 its memory counts as locked, which can be limited: then smaller.
UniqueFd MakeRing(std::size_t& bytes) {
  for (;; bytes /= 2) {
    UniqueFd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "knetlab_ring", 0, 0,
                                 static_cast<std::uint32_t>(bytes), nullptr));
    if (ring) return ring;
    const bool limited = errno == EPERM || errno == ENOMEM;
    if (!limited || bytes <= kLeastBuffer)
      throw ErrnoError("make ring buffer of", fmt::format("{} bytes", bytes), errno,
                       errno == EPERM ? "it needs root, or CAP_BPF" : "");
  }
}

}  // namespace

std::string_view BufferKindName(BufferKind kind) {
  return kind == BufferKind::kRing ? "ring" : kind == BufferKind::kPerf ? "perf" : "auto";
}

RecordBuffer::RecordBuffer(BufferKind kind, std::size_t bytes)
    : bytes_(std::bit_ceil(std::max(bytes, kLeastBuffer))) {
  if (kind == BufferKind::kPerf || (kind == BufferKind::kAuto && !HasRingBuffer())) {
    perf_ = std::make_unique<PerfReader>(bytes_);
    return;
  }
  map_ = MakeRing(bytes_);
  ring_ = std::make_unique<RingReader>(map_.get(), bytes_);
}

std::vector<int> RecordBuffer::fds() const {
  if (ring_ != nullptr) return {map_.get()};
  return perf_->fds();
}

}  // namespace knetlab
