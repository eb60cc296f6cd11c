// SPDX-License-Identifier: Apache-2.0
// The user's side of perf buffers that BPF programs write to by bpf_perf_event_output: one buffer for each
// CPU, read as one sequence by the time that each record begins with (64 bits, CLOCK_MONOTONIC). What has
// just been written waits a moment, since another CPU may still be writing what is earlier.
//
//   PerfReader reader(bytes);
//   reader.Consume([](std::span<const std::byte> record) { ... }, PerfReader::Until::kSettled);
//
// One thread reads. Memory of a record is valid during its call. The record layout: perf_event_open(2).
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <span>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

class PerfReader {
 public:
  enum class Until { kSettled, kEnd };  // kEnd: once nobody writes any more

  // Buffers of so many bytes together, each a power of two; less where locked memory is limited. Throws
  // Error.
  explicit PerfReader(std::size_t bytes);
  ~PerfReader();
  PerfReader(const PerfReader&) = delete;
  PerfReader& operator=(const PerfReader&) = delete;

  int map_fd() const { return map_.get(); }     // BPF_MAP_TYPE_PERF_EVENT_ARRAY
  std::vector<int> fds() const;                 // readable at a watermark
  std::uint64_t lost() const { return lost_; }  // as the kernel told (PERF_RECORD_LOST), which it does late

  template <typename Handler>
  std::uint64_t Consume(Handler handle, Until until) {
    Look(until);
    std::uint64_t records = 0;
    while (!next_.empty()) {
      Buffer& buffer = *next_.top().buffer;
      next_.pop();
      handle(buffer.record);
      ++records;
      Step(buffer);
    }
    TellAll();
    return records;
  }

 private:
  // Of one CPU.
  struct Buffer {
    Buffer(UniqueFd its_event, std::size_t page, std::size_t bytes);  // `page_head` stays null where it fails
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    std::span<const std::byte> At(std::uint64_t place, std::size_t length);

    UniqueFd event;
    std::size_t head_bytes, size;
    perf_event_mmap_page* page_head = nullptr;
    const std::byte* data = nullptr;
    std::uint64_t position = 0, end = 0, told = 0;
    std::size_t step = 0;                 // from here to the record behind
    std::span<const std::byte> record{};  // the one at `position`
    std::vector<std::byte> joined{};      // of one that goes over the buffer's end
  };
  struct Next {
    std::uint64_t time_ns;
    Buffer* buffer;
    bool operator<(const Next& other) const { return time_ns > other.time_ns; }  // the earliest on top
  };

  bool Open(int cpu);
  void Look(Until until);
  void Queue(Buffer& buffer);
  void Step(Buffer& buffer);
  void TellAll();

  std::size_t page_, bytes_each_ = 0;
  UniqueFd map_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::priority_queue<Next> next_;
  std::uint64_t before_ns_ = 0, lost_ = 0;
};

}  // namespace knetlab
