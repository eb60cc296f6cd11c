// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_ends.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "harness/program/instrument_kernel.h"

namespace knetlab {

HiddenEnds FindHiddenEnds(std::span<const bpf_insn> program) {
  constexpr int kKernelFunction = 2;  // BPF_PSEUDO_KFUNC_CALL
  HiddenEnds ends;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const bpf_insn& insn = program[i];
    const int mode = BPF_CLASS(insn.code) == BPF_LD ? BPF_MODE(insn.code) : BPF_IMM;
    if (mode == BPF_ABS || mode == BPF_IND) ends.packet_loads = true;
    if (insn.code == (BPF_JMP | BPF_CALL)) {
      if (insn.src_reg == 0 && insn.imm == BPF_FUNC_tail_call) ends.tail_calls = true;
      if (insn.src_reg == kKernelFunction && insn.off == 0 && insn.imm == IdOfThrow()) ends.exceptions = true;
    }
    if (insn.code == (BPF_LD | BPF_IMM | BPF_DW)) ++i;
  }
  return ends;
}

std::string UnseenBy(InstrumentMethod method, const HiddenEnds& ends) {
  const bool exits = method == InstrumentMethod::kExits;
  std::vector<std::string> unseen;
  if (method == InstrumentMethod::kNone) return "";
  if (exits && ends.tail_calls) unseen.emplace_back("tail calls");
  if (exits && ends.packet_loads) unseen.emplace_back("packet loads beyond the packet (LD_ABS, LD_IND)");
  if (ends.exceptions) unseen.emplace_back("exceptions (bpf_throw)");
  return fmt::format("{}", fmt::join(unseen, " and "));
}

}  // namespace knetlab
