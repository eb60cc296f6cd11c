// SPDX-License-Identifier: Apache-2.0
// What both libpcap's interpreter and the kernel (bpf_check_classic in net/core/filter.c) run, with two
// differences from the kernel: scratch words that were never written may be read (they are 0), and JA may go
// back.
#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "harness/filter/classic.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr unsigned kBitsOfA = 32;

// The interpreters have nothing for other codes: libpcap's aborts the process.
bool IsKnown(unsigned code) {
  switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_B | BPF_MSH:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
      return true;
    default:
      break;
  }
  if (code > 0xff) return false;
  const unsigned op = BPF_OP(code);
  if (BPF_CLASS(code) == BPF_ALU) return op <= BPF_XOR && op != BPF_NEG;
  if (BPF_CLASS(code) == BPF_JMP) return op >= BPF_JEQ && op <= BPF_JSET;
  return false;
}

bool UsesMemory(unsigned code) {
  return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM) || code == BPF_ST || code == BPF_STX;
}

bool IsConditional(unsigned code) {
  return BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA;
}

// Empty where nothing is wrong with it.
std::string Complaint(const ClassicProgram& program, std::size_t at) {
  const sock_filter& one = program[at];
  const auto count = static_cast<std::int64_t>(program.size());
  const auto next = static_cast<std::int64_t>(at) + 1;
  if (!IsKnown(one.code)) return fmt::format("code {:#x} is not one of classic BPF", one.code);
  if (UsesMemory(one.code) && one.k >= BPF_MEMWORDS)
    return fmt::format("memory word {}; there are 0 to {}", one.k, BPF_MEMWORDS - 1);
  const unsigned op = BPF_OP(one.code);
  if (BPF_CLASS(one.code) == BPF_ALU && BPF_SRC(one.code) == BPF_K) {
    if ((op == BPF_DIV || op == BPF_MOD) && one.k == 0) return "division by zero";
    if ((op == BPF_LSH || op == BPF_RSH) && one.k >= kBitsOfA) return fmt::format("shift by {} bits", one.k);
  }
  if (one.code == (BPF_JMP | BPF_JA)) {
    const std::int64_t target = next + static_cast<std::int32_t>(one.k);
    if (target < 0 || target >= count)
      return fmt::format("jump to instruction {}; there are 0 to {}", target, count - 1);
  }
  if (IsConditional(one.code)) {
    for (const unsigned distance : {one.jt, one.jf}) {
      if (next + distance >= count)
        return fmt::format("jump to instruction {}; there are 0 to {}", next + distance, count - 1);
    }
  }
  if (next == count && BPF_CLASS(one.code) != BPF_RET) return "the last instruction is not a return";
  return "";
}

// Scratch words that are written on every path to each instruction, a bit each, as the kernel's
// check_load_and_stores() counts them: jumps go forward, so one pass is enough.
std::vector<std::uint16_t> WrittenBefore(const ClassicProgram& program) {
  std::vector<std::uint16_t> written(program.size(), 0xffff);
  std::uint16_t now = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& one = program[at];
    now &= written[at];
    written[at] = now;
    if (one.code == BPF_ST || one.code == BPF_STX) now |= static_cast<std::uint16_t>(1U << one.k);
    if (BPF_CLASS(one.code) != BPF_JMP) continue;
    if (IsConditional(one.code)) {
      written[at + 1 + one.jt] &= now;
      written[at + 1 + one.jf] &= now;
    } else {
      written[at + 1 + one.k] &= now;
    }
    now = 0xffff;
  }
  return written;
}

Error Invalid(std::string where, std::string why) {
  return Error({.what = "check classic BPF",
                .where = std::move(where),
                .why = std::move(why),
                .hint = "",
                .detail = "",
                .code = EINVAL});
}

}  // namespace

void RequireKernelTakes(const ClassicProgram& program) {
  ValidateClassic(program);
  const auto refuse = [](std::size_t at, std::string why) {
    return Error({.what = "hand filter to the kernel",
                  .where = fmt::format("instruction {}", at),
                  .why = std::move(why),
                  .hint = "the targets xdp and tc can do it",
                  .detail = "",
                  .code = EOPNOTSUPP});
  };
  for (std::size_t at = 0; at < program.size(); ++at) {
    if (program[at].code == (BPF_JMP | BPF_JA) && static_cast<std::int32_t>(program[at].k) < 0)
      throw refuse(at, "it jumps back (protochain), which the kernel's classic filters cannot");
  }
  const std::vector<std::uint16_t> written = WrittenBefore(program);
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& one = program[at];
    const bool reads = one.code == (BPF_LD | BPF_MEM) || one.code == (BPF_LDX | BPF_MEM);
    if (reads && (written[at] >> one.k & 1) == 0)
      throw refuse(at, fmt::format("it reads memory word {}, which is not written before", one.k));
  }
}

void ValidateClassic(const ClassicProgram& program) {
  if (program.empty()) throw Invalid("program", "it has no instructions");
  if (program.size() > kMaxClassicInstructions)
    throw Invalid("program",
                  fmt::format("{} instructions; at most {}", program.size(), kMaxClassicInstructions));
  for (std::size_t at = 0; at < program.size(); ++at) {
    const std::string why = Complaint(program, at);
    if (!why.empty()) throw Invalid(fmt::format("instruction {}", at), why);
  }
}

}  // namespace knetlab
