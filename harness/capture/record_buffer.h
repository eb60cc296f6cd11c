// SPDX-License-Identifier: Apache-2.0
// Between capture programs and the thread that writes: a ring buffer, or, where the kernel has none (before
// Linux 5.8), a perf buffer for each CPU. Both give records in the order of their times.
//
//   RecordBuffer buffer(BufferKind::kAuto, bytes);
//   code.BindMap(kCaptureRing, buffer.map_fd());
//   buffer.Consume([](std::span<const std::byte> record) { ... }, false);
//
// One thread reads. Throws Error.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "harness/capture/perf_reader.h"
#include "harness/capture/ring_reader.h"
#include "netns/fd.h"

namespace knetlab {

enum class BufferKind { kAuto, kRing, kPerf };
std::string_view BufferKindName(BufferKind kind);  // "auto", "ring", "perf"

class RecordBuffer {
 public:
  // kAuto: the ring buffer where the kernel has it. Of about so many bytes.
  RecordBuffer(BufferKind kind, std::size_t bytes);

  BufferKind kind() const { return ring_ != nullptr ? BufferKind::kRing : BufferKind::kPerf; }
  int map_fd() const { return ring_ != nullptr ? map_.get() : perf_->map_fd(); }
  std::size_t bytes() const { return bytes_; }
  std::vector<int> fds() const;  // to wait on, edge-triggered: readable where a good part has come

  // What there is; `all` once nobody writes any more. Returns how many.
  template <typename Handler>
  std::uint64_t Consume(Handler handle, bool all) {
    if (ring_ != nullptr) return ring_->Consume(handle);
    return perf_->Consume(handle, all ? PerfReader::Until::kEnd : PerfReader::Until::kSettled);
  }

 private:
  std::size_t bytes_;
  UniqueFd map_;  // of the ring
  std::unique_ptr<RingReader> ring_;
  std::unique_ptr<PerfReader> perf_;
};

}  // namespace knetlab
