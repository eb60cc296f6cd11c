// SPDX-License-Identifier: Apache-2.0
// What an interpreted eBPF program can point to: the packet's linear part, the stack frames, the context.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "harness/filter/testing/ebpf_interpreter.h"

namespace knetlab::filter_testing {

// Ends an interpreted program: it did what it must not.
struct EbpfFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct EbpfValue {
  enum class Kind : std::uint8_t { kNothing, kScalar, kContext, kStack, kPacket, kPacketEnd };
  Kind kind = Kind::kNothing;
  std::uint8_t frame = 0;  // of kStack
  // The number; of a pointer its distance from the context's beginning, the frame's top, the packet's
  // beginning.
  std::uint64_t bits = 0;

  bool pointer() const { return kind > Kind::kScalar; }
};

class EbpfMemory {
 public:
  static constexpr std::size_t kStack = 512, kFrames = 8;

  explicit EbpfMemory(const EbpfInput& input);

  EbpfValue Load(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const;
  void Store(const EbpfValue& pointer, std::int64_t offset, std::size_t size, const EbpfValue& value);
  // A helper's buffer: on the stack, `size` bytes from `data`; nullptr: bytes that mean nothing.
  void Fill(const EbpfValue& pointer, std::size_t size, const std::uint8_t* data, bool zeros);
  void EnterFrame(std::size_t frame);  // its bytes hold nothing

 private:
  struct Frame {
    std::array<std::uint8_t, kStack> bytes;
    std::array<std::uint8_t, kStack> written;
    std::array<EbpfValue, kStack / 8> pointers;  // kNothing where the bytes are bytes
  };

  std::size_t StackPlace(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const;
  EbpfValue LoadStack(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const;
  EbpfValue LoadContext(std::int64_t offset, std::size_t size) const;
  std::size_t PacketPlace(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const;

  const EbpfInput& input_;
  std::size_t linear_;
  std::array<Frame, kFrames> frames_;
};

}  // namespace knetlab::filter_testing
