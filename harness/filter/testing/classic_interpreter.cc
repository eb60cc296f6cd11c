// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/classic_interpreter.h"

#include <array>

namespace knetlab::filter_testing {
namespace {

// SKF_AD_OFF as libpcap and the kernel have it, and room for names to come.
constexpr std::uint32_t kAncillaryBase = 0xfffff000U;
constexpr std::uint32_t kAncillaryCount = 64;

constexpr ClassicRun kBeyondPacket{0, ClassicRun::End::kBeyond};

}  // namespace

bool Coverage::Merge(const Coverage& other) {
  bool more = false;
  for (std::size_t at = 0; at < ways_.size(); ++at) {
    more = more || (other.ways_[at] & ~ways_[at]) != 0;
    ways_[at] |= other.ways_[at];
  }
  return more;
}

bool Coverage::IsBranch(std::size_t at) const {
  const sock_filter& one = (*program_)[at];
  return BPF_CLASS(one.code) == BPF_JMP && BPF_OP(one.code) != BPF_JA && one.jt != one.jf;
}

std::size_t Coverage::branches() const {
  std::size_t count = 0;
  for (std::size_t at = 0; at < ways_.size(); ++at) count += IsBranch(at) ? 2 : 0;
  return count;
}

std::size_t Coverage::taken() const {
  std::size_t count = 0;
  for (std::size_t at = 0; at < ways_.size(); ++at) {
    if (IsBranch(at)) count += (Has(at, kYes) ? 1U : 0U) + (Has(at, kNo) ? 1U : 0U);
  }
  return count;
}

std::uint32_t ClassicAlu(std::uint16_t code, std::uint32_t left, std::uint32_t right) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return left + right;
    case BPF_SUB:
      return left - right;
    case BPF_MUL:
      return left * right;
    case BPF_DIV:
      return left / right;
    case BPF_OR:
      return left | right;
    case BPF_AND:
      return left & right;
    case BPF_LSH:
      return right < 32 ? left << right : 0;
    case BPF_RSH:
      return right < 32 ? left >> right : 0;
    case BPF_NEG:
      return 0U - left;
    case BPF_MOD:
      return left % right;
    default:
      return left ^ right;
  }
}

bool ClassicCondition(std::uint16_t code, std::uint32_t left, std::uint32_t right) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return left == right;
    case BPF_JGT:
      return left > right;
    case BPF_JGE:
      return left >= right;
    default:
      return (left & right) != 0;
  }
}

std::size_t ClassicLoadSize(std::uint16_t code) {
  return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

bool IsAncillaryLoad(const sock_filter& instruction) {
  return BPF_CLASS(instruction.code) == BPF_LD && BPF_MODE(instruction.code) == BPF_ABS &&
         instruction.k >= kAncillaryBase && instruction.k < kAncillaryBase + kAncillaryCount;
}

std::uint32_t ReadBigEndian(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[offset + i];
  return value;
}

ClassicRun RunClassic(const ClassicProgram& program, const ClassicInput& input, Coverage* coverage,
                      std::size_t max_steps) {
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};
  std::size_t pc = 0;
  for (std::size_t step = 0; step < max_steps; ++step) {
    const std::size_t at = pc;
    const sock_filter& one = program[pc++];
    switch (BPF_CLASS(one.code)) {
      case BPF_LD:
      case BPF_LDX: {
        std::uint32_t& to = BPF_CLASS(one.code) == BPF_LD ? a : x;
        const std::uint16_t mode = BPF_MODE(one.code);
        if (mode == BPF_IMM) {
          to = one.k;
        } else if (mode == BPF_LEN) {
          to = input.wire_length;
        } else if (mode == BPF_MEM) {
          to = memory[one.k];
        } else {
          if (input.ancillary != nullptr && IsAncillaryLoad(one)) {
            const auto found = input.ancillary->find(one.k);
            if (found == input.ancillary->end()) return kBeyondPacket;
            to = found->second;
            break;
          }
          // The sum does not wrap: an index that is negative as a signed number is beyond any packet.
          const std::uint64_t offset = std::uint64_t{one.k} + (mode == BPF_IND ? x : 0);
          const std::size_t size = ClassicLoadSize(one.code);
          const bool inside = offset + size <= input.bytes.size();
          if (coverage != nullptr) coverage->Add(at, inside ? Coverage::kInside : Coverage::kBeyond);
          if (!inside) return kBeyondPacket;
          to = ReadBigEndian(input.bytes, offset, size);
          if (mode == BPF_MSH) to = (to & 0xf) << 2;
        }
        break;
      }
      case BPF_ST:
        memory[one.k] = a;
        break;
      case BPF_STX:
        memory[one.k] = x;
        break;
      case BPF_ALU: {
        const std::uint32_t right = BPF_SRC(one.code) == BPF_X ? x : one.k;
        const std::uint16_t op = BPF_OP(one.code);
        if ((op == BPF_DIV || op == BPF_MOD) && right == 0) return {0, ClassicRun::End::kDivision};
        a = ClassicAlu(one.code, a, right);
        break;
      }
      case BPF_JMP:
        if (BPF_OP(one.code) == BPF_JA) {
          pc = static_cast<std::size_t>(static_cast<std::int64_t>(pc) + static_cast<std::int32_t>(one.k));
        } else {
          const bool yes = ClassicCondition(one.code, a, BPF_SRC(one.code) == BPF_X ? x : one.k);
          if (coverage != nullptr) coverage->Add(at, yes ? Coverage::kYes : Coverage::kNo);
          pc += yes ? one.jt : one.jf;
        }
        break;
      case BPF_RET:
        return {BPF_RVAL(one.code) == BPF_A ? a : one.k, ClassicRun::End::kReturned};
      default:
        if (BPF_MISCOP(one.code) == BPF_TAX) {
          x = a;
        } else {
          a = x;
        }
    }
  }
  return {0, ClassicRun::End::kSteps};
}

bool ClassicMatches(const ClassicProgram& program, std::span<const std::uint8_t> packet) {
  return RunClassic(program, {packet, static_cast<std::uint32_t>(packet.size()), nullptr}).result != 0;
}

}  // namespace knetlab::filter_testing
