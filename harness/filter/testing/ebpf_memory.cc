// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/ebpf_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace knetlab::filter_testing {
namespace {

static_assert(std::endian::native == std::endian::little, "loads and stores below are those of such a CPU");

using Kind = EbpfValue::Kind;

std::uint64_t ReadNative(const std::uint8_t* from, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, size);
  return value;
}

}  // namespace

EbpfMemory::EbpfMemory(const EbpfInput& input)
    : input_(input), linear_(std::min(input.linear.value_or(input.packet.size()), input.packet.size())) {
  EnterFrame(0);
}

void EbpfMemory::EnterFrame(std::size_t frame) {
  frames_[frame].written.fill(0);
  frames_[frame].pointers.fill({});
}

std::size_t EbpfMemory::StackPlace(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const {
  const std::int64_t place =
      static_cast<std::int64_t>(pointer.bits) + offset + static_cast<std::int64_t>(kStack);
  if (place < 0 || place + static_cast<std::int64_t>(size) > static_cast<std::int64_t>(kStack)) {
    throw EbpfFault(fmt::format("{} bytes at stack {:+}, which is not in the frame", size,
                                place - static_cast<std::int64_t>(kStack)));
  }
  return static_cast<std::size_t>(place);
}

std::size_t EbpfMemory::PacketPlace(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const {
  const std::int64_t place = static_cast<std::int64_t>(pointer.bits) + offset;
  if (place < 0 || place + static_cast<std::int64_t>(size) > static_cast<std::int64_t>(linear_)) {
    throw EbpfFault(
        fmt::format("{} bytes at packet {:+}, of which {} bytes can be reached", size, place, linear_));
  }
  return static_cast<std::size_t>(place);
}

EbpfValue EbpfMemory::LoadStack(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const {
  const Frame& frame = frames_[pointer.frame];
  const std::size_t place = StackPlace(pointer, offset, size);
  if (place % size != 0) throw EbpfFault("a load from the stack that is not aligned");
  const EbpfValue& spilled = frame.pointers[place / 8];
  if (spilled.pointer()) {
    if (size != 8) throw EbpfFault("part of a pointer is loaded from the stack");
    return spilled;
  }
  for (std::size_t i = place; i < place + size; ++i) {
    if (frame.written[i] == 0) {
      throw EbpfFault(fmt::format("the byte at stack {} is read and was never written",
                                  static_cast<std::int64_t>(i) - static_cast<std::int64_t>(kStack)));
    }
  }
  return {Kind::kScalar, 0, ReadNative(&frame.bytes[place], size)};
}

EbpfValue EbpfMemory::LoadContext(std::int64_t offset, std::size_t size) const {
  const bool xdp = input_.context == EbpfContext::kXdp;
  const std::size_t data = xdp ? offsetof(xdp_md, data) : offsetof(__sk_buff, data);
  const std::size_t data_end = xdp ? offsetof(xdp_md, data_end) : offsetof(__sk_buff, data_end);
  const auto at = static_cast<std::size_t>(offset);
  if (at == data || at == data_end) {
    if (!input_.direct_access) throw EbpfFault("a packet pointer, which this kind of program has not");
    if (size != 4) throw EbpfFault("a packet pointer is loaded with another size than 4");
    return at == data ? EbpfValue{Kind::kPacket, 0, 0} : EbpfValue{Kind::kPacketEnd, 0, linear_};
  }
  // __sk_buff's numbers may be read in parts, those of xdp_md not.
  if (size > 4 || at % size != 0 || (xdp && size != 4)) throw EbpfFault("no such load from the context");
  const std::uint32_t field = static_cast<std::uint32_t>(at & ~std::size_t{3});
  std::uint32_t value = 0;
  if (!xdp && field == offsetof(__sk_buff, len)) {
    value = static_cast<std::uint32_t>(input_.packet.size());
  } else if (const auto found = input_.fields.find(field); found != input_.fields.end()) {
    value = found->second;
  } else {
    throw EbpfFault(fmt::format("a load from the context at {}, where this test has no field", at));
  }
  value >>= 8 * (at & 3);
  return {Kind::kScalar, 0, size == 4 ? value : value & ((1U << (8 * size)) - 1)};
}

EbpfValue EbpfMemory::Load(const EbpfValue& pointer, std::int64_t offset, std::size_t size) const {
  switch (pointer.kind) {
    case Kind::kStack:
      return LoadStack(pointer, offset, size);
    case Kind::kContext:
      if (pointer.bits != 0) throw EbpfFault("a load through a context pointer that was moved");
      return LoadContext(offset, size);
    case Kind::kPacket: {
      const std::uint8_t* bytes = input_.writable.empty() ? input_.packet.data() : input_.writable.data();
      return {Kind::kScalar, 0, ReadNative(bytes + PacketPlace(pointer, offset, size), size)};
    }
    default:
      throw EbpfFault("a load through what is no pointer to memory");
  }
}

void EbpfMemory::Store(const EbpfValue& pointer, std::int64_t offset, std::size_t size,
                       const EbpfValue& value) {
  if (pointer.kind == Kind::kPacket) {
    if (value.pointer()) throw EbpfFault("a pointer is stored to the packet");
    if (input_.writable.empty()) throw EbpfFault("a store to the packet");
    std::memcpy(input_.writable.data() + PacketPlace(pointer, offset, size), &value.bits, size);
    return;
  }
  if (pointer.kind != Kind::kStack) throw EbpfFault("a store through what is no pointer to stack or packet");
  Frame& frame = frames_[pointer.frame];
  const std::size_t place = StackPlace(pointer, offset, size);
  if (place % size != 0) throw EbpfFault("a store to the stack that is not aligned");
  EbpfValue& spilled = frame.pointers[place / 8];
  if (value.pointer()) {
    if (size != 8) throw EbpfFault("part of a pointer is stored");
    spilled = value;
  } else {
    if (spilled.pointer() && size != 8)
      std::fill_n(frame.written.begin() + static_cast<long>(place / 8 * 8), 8, 0);
    spilled = {};
    std::memcpy(&frame.bytes[place], &value.bits, size);
  }
  std::fill_n(frame.written.begin() + static_cast<long>(place), size, 1);
}

void EbpfMemory::Fill(const EbpfValue& pointer, std::size_t size, const std::uint8_t* data, bool zeros) {
  if (pointer.kind != Kind::kStack) throw EbpfFault("a helper's buffer is not on the stack");
  Frame& frame = frames_[pointer.frame];
  const std::size_t place = StackPlace(pointer, 0, size);
  for (std::size_t i = place; i < place + size; ++i) {
    // What is left behind by a failure is not what a program may count on: a value that shows.
    frame.bytes[i] = data != nullptr ? data[i - place] : zeros ? 0 : 0xa5;
    frame.written[i] = 1;
    frame.pointers[i / 8] = {};
  }
}

}  // namespace knetlab::filter_testing
