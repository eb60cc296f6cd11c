// SPDX-License-Identifier: Apache-2.0
// The user's side of a BPF ring buffer (Documentation/bpf/ringbuf.rst), read in place. Unlike libbpf's it
// tells the kernel in steps how far it has read, not after each record: the producers' cache line stays
// theirs.
//
//   RingReader reader(map_fd, bytes);
//   reader.Consume([](std::span<const std::byte> record) { ... });
//
// One thread reads. Memory of a record is valid during its call.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace knetlab {

class RingReader {
 public:
  // Of a BPF_MAP_TYPE_RINGBUF of so many bytes; the descriptor stays the caller's and open. Throws Error.
  RingReader(int map_fd, std::size_t bytes);
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  // All records there are when it is called, up to the first one that is still being written. Returns how
  // many.
  template <typename Handler>
  std::uint64_t Consume(Handler handle) {
    constexpr std::uint64_t kStep = std::uint64_t{64} << 10;
    std::uint64_t records = 0, told = position_;
    const std::uint64_t end = __atomic_load_n(producer_, __ATOMIC_ACQUIRE);
    while (position_ < end) {
      const std::byte* at = data_ + (position_ & mask_);
      const std::uint32_t length =
          __atomic_load_n(reinterpret_cast<const std::uint32_t*>(at), __ATOMIC_ACQUIRE);
      if ((length & BPF_RINGBUF_BUSY_BIT) != 0) break;
      const std::uint32_t size = length & ~BPF_RINGBUF_DISCARD_BIT;
      if (size == length) {
        handle(std::span<const std::byte>(at + BPF_RINGBUF_HDR_SZ, size));
        ++records;
      }
      position_ += (size + BPF_RINGBUF_HDR_SZ + kAlignment - 1) & ~(kAlignment - 1);
      if (position_ - told >= kStep) Tell(told = position_);
    }
    if (told != position_) Tell(position_);
    return records;
  }

 private:
  static constexpr std::uint64_t kAlignment = 8;
  void Tell(std::uint64_t position) { __atomic_store_n(consumer_, position, __ATOMIC_RELEASE); }

  std::size_t page_, bytes_;
  std::uint64_t mask_, position_ = 0;
  std::uint64_t* consumer_ = nullptr;
  const std::uint64_t* producer_ = nullptr;
  const std::byte* data_ = nullptr;
};

}  // namespace knetlab
