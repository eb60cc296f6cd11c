// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_redirect.h"

#include <algorithm>
#include <array>

#include "harness/program/instrument.h"
#include "harness/program/instrument_code.h"

namespace knetlab {
namespace {

struct RedirectHelper {
  bpf_func_id id;
  std::uint8_t arguments;
  Reg target;  // the argument that says where to
};
constexpr std::array kHelpers = {
    RedirectHelper{BPF_FUNC_redirect, 2, R1},
    RedirectHelper{BPF_FUNC_redirect_map, 3, R2},
    RedirectHelper{BPF_FUNC_redirect_peer, 2, R1},
    RedirectHelper{BPF_FUNC_redirect_neigh, 4, R1},
};

const RedirectHelper* Find(int id) {
  const auto* found = std::find_if(kHelpers.begin(), kHelpers.end(),
                                   [id](const RedirectHelper& helper) { return helper.id == id; });
  return found == kHelpers.end() ? nullptr : found;
}

// R1 becomes the address of this CPU's note; R0 and R2 to R5 are lost.
void AssembleNoteAddress(Assembler& a, int cpus, Label no_such_cpu) {
  a.Call(BPF_FUNC_get_smp_processor_id);
  a.JumpIf(Cond::kGreaterEqual, R0, cpus, no_such_cpu);
  a.Alu(AluOp::kMul, Width::k64, R0, static_cast<std::int32_t>(sizeof(RedirectNote)));
  a.MapValueAddress(R1, "notes", 0);
  a.Add(R1, R0);
}

}  // namespace

std::vector<RedirectCall> FindRedirectCalls(std::span<const bpf_insn> instructions) {
  std::vector<RedirectCall> calls;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    const bpf_insn& insn = instructions[i];
    if (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == 0 && Find(insn.imm) != nullptr)
      calls.push_back({i, static_cast<bpf_func_id>(insn.imm)});
    if (insn.code == (BPF_LD | BPF_IMM | BPF_DW)) ++i;
  }
  return calls;
}

// Arguments are kept on the stack and not in registers, so that the way without a note saves none.
void AssembleRedirectStub(Assembler& a, bpf_func_id id, int cpus,
                          std::optional<std::int16_t> offset_of_map_id) {
  const RedirectHelper& helper = *Find(id);
  const Label call = a.NewLabel();
  const Label restore = a.NewLabel();
  a.MapValueAddress(R0, "flag", offsetof(InstrumentFlags, exits));
  a.Load(Size::kWord, R0, R0, 0);
  a.JumpIf(Cond::kEqual, R0, 0, call);
  const auto slot = [](std::uint8_t argument) { return static_cast<std::int16_t>(-8 * argument); };
  for (std::uint8_t i = 1; i <= helper.arguments; ++i) a.Store(Size::kDouble, R10, slot(i), Reg{i});
  AssembleNoteAddress(a, cpus, restore);
  a.Load(Size::kDouble, R2, R10, slot(helper.target.number));
  a.Store(Size::kDouble, R1, offsetof(RedirectNote, target), R2);
  a.StoreValue(Size::kWord, R1, offsetof(RedirectNote, helper), id);
  a.Mov(R2, 0);
  if (id == BPF_FUNC_redirect_map && offset_of_map_id) {
    a.Load(Size::kDouble, R2, R10, slot(1));
    a.Load(Size::kWord, R2, R2, *offset_of_map_id);
  }
  a.Store(Size::kWord, R1, offsetof(RedirectNote, map_id), R2);
  a.Bind(restore);
  for (std::uint8_t i = 1; i <= helper.arguments; ++i) a.Load(Size::kDouble, Reg{i}, R10, slot(i));
  a.Bind(call);
  a.Call(id);
  a.Exit();
}

void AssembleForgetStub(Assembler& a, int cpus) {
  const Label end = a.NewLabel();
  AssembleNoteAddress(a, cpus, end);
  a.StoreValue(Size::kWord, R1, offsetof(RedirectNote, helper), 0);
  a.Bind(end);
  a.Mov(R0, 0);
  a.Exit();
}

}  // namespace knetlab
