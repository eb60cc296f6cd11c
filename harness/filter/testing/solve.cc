// SPDX-License-Identifier: Apache-2.0
// The way back from a value to the packet's bytes.
#include <algorithm>
#include <optional>

#include "harness/filter/testing/trace.h"

namespace knetlab::filter_testing {
namespace {

constexpr std::size_t kLongest = 65535, kShortest = 0;

// x * odd == 1 in 32 bits, by Newton's iteration.
std::uint32_t Inverse(std::uint32_t odd) {
  std::uint32_t inverse = odd;
  for (int i = 0; i < 5; ++i) inverse *= 2U - odd * inverse;
  return inverse;
}

std::optional<std::uint32_t> Quotient(std::uint32_t wanted, std::uint32_t factor) {
  if (factor == 0) return std::nullopt;
  const int zeros = __builtin_ctz(factor);
  if (zeros != 0 && (wanted & ((1U << zeros) - 1)) != 0) return std::nullopt;
  return (wanted >> zeros) * Inverse(factor >> zeros);
}

// What the left operand must be where the right one stays `right`; `old` is what it was. Bits that do not
// matter stay.
std::optional<std::uint32_t> LeftFor(std::uint16_t code, std::uint32_t wanted, std::uint32_t old,
                                     std::uint32_t right) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return wanted - right;
    case BPF_SUB:
      return wanted + right;
    case BPF_MUL:
      return Quotient(wanted, right);
    case BPF_DIV: {
      const std::uint64_t left = std::uint64_t{wanted} * right + old % right;
      if (left > 0xffffffffU) return std::nullopt;
      return static_cast<std::uint32_t>(left);
    }
    case BPF_MOD: {
      const std::uint64_t left = std::uint64_t{old} - old % right + wanted;
      if (wanted >= right || left > 0xffffffffU) return std::nullopt;
      return static_cast<std::uint32_t>(left);
    }
    case BPF_AND:
      if ((wanted & ~right) != 0) return std::nullopt;
      return (old & ~right) | wanted;
    case BPF_OR:
      if ((wanted & right) != right) return std::nullopt;
      return (wanted & ~right) | (old & right);
    case BPF_XOR:
      return wanted ^ right;
    case BPF_NEG:
      return 0U - wanted;
    case BPF_LSH:
    case BPF_RSH: {
      if (right >= 32) return wanted == 0 ? std::optional(old) : std::nullopt;
      const bool to_left = BPF_OP(code) == BPF_LSH;
      const std::uint32_t left = to_left ? wanted >> right : wanted << right;
      if (ClassicAlu(code, left, right) != wanted) return std::nullopt;
      const std::uint32_t kept = to_left ? 0xffffffffU >> right : 0xffffffffU << right;
      return (old & ~kept) | left;
    }
    default:
      return std::nullopt;
  }
}

// The same for the right operand.
std::optional<std::uint32_t> RightFor(std::uint16_t code, std::uint32_t wanted, std::uint32_t left,
                                      std::uint32_t old) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
    case BPF_MUL:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      return LeftFor(code, wanted, old, left);
    case BPF_SUB:
      return left - wanted;
    case BPF_DIV:
      if (wanted == 0) return left == 0xffffffffU ? std::nullopt : std::optional(left + 1);
      if (left / wanted == 0 || left / (left / wanted) != wanted) return std::nullopt;
      return left / wanted;
    case BPF_MOD:
      if (left < wanted || left - wanted <= wanted) return std::nullopt;
      return left - wanted;
    default:
      for (std::uint32_t shift = 0; shift <= 32; ++shift) {
        if (ClassicAlu(code, left, shift) == wanted) return shift;
      }
      return std::nullopt;
  }
}

bool SolveWithin(const Trace& trace, std::int32_t id, std::uint32_t wanted, PacketBytes& packet, int depth) {
  const TracedValue& value = trace.values[static_cast<std::size_t>(id)];
  if (value.value == wanted) return true;
  if (depth == 0) return false;
  switch (value.kind) {
    case TracedValue::Kind::kConstant:
      return false;
    case TracedValue::Kind::kLength:
      if (wanted < kShortest || wanted > kLongest) return false;
      packet.resize(wanted);
      return true;
    case TracedValue::Kind::kLoad:
      if (value.size < 4 && wanted >> (8 * value.size) != 0) return false;
      if (std::size_t{value.offset} + value.size > packet.size()) return false;
      for (std::size_t i = 0; i < value.size; ++i) {
        packet[value.offset + i] = static_cast<std::uint8_t>(wanted >> (8 * (value.size - 1 - i)));
      }
      return true;
    case TracedValue::Kind::kAlu:
      break;
  }
  const std::uint32_t left = trace.values[static_cast<std::size_t>(value.left)].value;
  const std::uint32_t right = trace.values[static_cast<std::size_t>(value.right)].value;
  const PacketBytes before = packet;
  if (const auto needed = LeftFor(value.code, wanted, left, right);
      needed && SolveWithin(trace, value.left, *needed, packet, depth - 1)) {
    return true;
  }
  packet = before;
  const auto needed = RightFor(value.code, wanted, left, right);
  return needed && SolveWithin(trace, value.right, *needed, packet, depth - 1);
}

// Values for the left side of a comparison with `right` that make it `wanted`.
std::vector<std::uint32_t> Candidates(std::uint16_t code, bool wanted, std::uint32_t left,
                                      std::uint32_t right, Random& random) {
  std::vector<std::uint32_t> values;
  const std::uint32_t any = random.Word();
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      if (wanted) return {right};
      values = {right ^ (1U << random.Below(8)),
                right + 1,
                right - 1,
                0,
                right ^ 0x100,
                right ^ 0x10000,
                right ^ 0x1000000,
                right ^ 0x80,
                any,
                any & 0xff};
      break;
    case BPF_JGT:
    case BPF_JGE:
      values = {right,      right + 1,  right - 1, 0,    0xff,       0xffff,          0xffffffffU,
                right + 16, right + 64, 1,         0xf0, 0xffffff00, 0xf & (any | 8), right / 2};
      break;
    default:
      values = {right, 0, left | right, left & ~right, 0xffffffffU};
      for (std::uint32_t bit = 0; bit < 32; ++bit) {
        if ((right >> bit & 1) != 0) values.push_back(left | 1U << bit);
      }
  }
  std::erase_if(values, [&](std::uint32_t value) { return ClassicCondition(code, value, right) != wanted; });
  return values;
}

}  // namespace

bool Solve(const Trace& trace, std::int32_t value, std::uint32_t wanted, PacketBytes& packet) {
  constexpr int kDepth = 24;
  return SolveWithin(trace, value, wanted, packet, kDepth);
}

std::vector<PacketBytes> Flip(const ClassicProgram& program, const Trace& trace, const TracedStep& step,
                              const PacketBytes& packet, std::size_t count, Random& random) {
  std::vector<PacketBytes> flipped;
  if (step.load) {
    if (step.yes) {
      flipped.emplace_back(packet.begin(), packet.begin() + static_cast<long>(step.end - 1));
    } else if (step.end <= kLongest) {
      flipped.push_back(packet);
      const std::uint32_t mask = random.Chance(50) ? 0xff : 0;
      while (flipped.back().size() < step.end) {
        flipped.back().push_back(static_cast<std::uint8_t>(random.Word() & mask));
      }
    }
    return flipped;
  }
  const std::uint16_t code = program[step.at].code;
  const std::uint32_t left = trace.values[static_cast<std::size_t>(step.left)].value;
  const std::uint32_t right = trace.values[static_cast<std::size_t>(step.right)].value;
  std::vector<std::uint32_t> values = Candidates(code, !step.yes, left, right, random);
  // Not always the same first.
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.Below(i)]);
  for (const std::uint32_t value : values) {
    if (flipped.size() >= count) return flipped;
    PacketBytes changed = packet;
    if (Solve(trace, step.left, value, changed)) flipped.push_back(std::move(changed));
  }
  // From the other side: the right operand is of the packet, too.
  if (flipped.empty() && BPF_SRC(code) == BPF_X) {
    for (const std::uint32_t value : {left, left + 1, left - 1, 0U, 0xffffffffU, left ^ 0x10U}) {
      PacketBytes changed = packet;
      if (ClassicCondition(code, left, value) != step.yes && Solve(trace, step.right, value, changed)) {
        flipped.push_back(std::move(changed));
      }
    }
  }
  return flipped;
}

}  // namespace knetlab::filter_testing
