// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "harness/filter/assembler.h"
#include "harness/program/instrument_redirect.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kStackBytes = 512;
constexpr std::size_t kLongestDetour = 24'000;  // instructions; a jump reaches 32,767, calls included

bool IsWideLoad(const bpf_insn& insn) {
  return insn.code == (BPF_LD | BPF_IMM | BPF_DW);
}

Error Impossible(std::string why) {
  return Error({.what = "instrument",
                .where = "program",
                .why = std::move(why),
                .hint = "",
                .detail = "",
                .code = ENOSPC});
}

// Emits what surrounds the program, and knows which functions it has begun.
class Builder {
 public:
  Builder(std::span<const bpf_insn> program, const InstrumentPlan& plan)
      : program_(program.begin(), program.end()), plan_(plan) {}

  InstrumentedCode Build();

 private:
  void FindRedirects();
  void Detours();
  void PatchRedirects();
  void Wrap();
  void CallOldMain(Label old_main);
  void CopyMain();
  void PatchCopy();
  void RewriteExits();
  void Stubs();
  void Function(Label label, FunctionRole role);
  void SkipWhereOff(Reg scratch, std::size_t flag, Label off);

  std::vector<bpf_insn> program_;
  const InstrumentPlan& plan_;
  Assembler a_;
  Label entry_ = a_.NewLabel(), exit_ = a_.NewLabel(), forget_ = a_.NewLabel();
  std::vector<RedirectCall> redirects_;
  std::map<bpf_func_id, Label> redirect_stubs_;
  std::size_t main_end_ = 0;  // in the program
  struct Detour {
    std::size_t begin;                // where the call jumps to
    std::array<std::size_t, 2> back;  // the jumps behind it
  };
  std::map<std::size_t, Detour> detours_;  // by the call's instruction
  std::optional<std::size_t> copy_;        // where the main function's copy begins
  InstrumentedCode code_;
};

void Builder::Function(Label label, FunctionRole role) {
  a_.Bind(label);
  code_.functions.push_back({a_.size(), role});
}

// `flag`: an offset in InstrumentFlags.
void Builder::SkipWhereOff(Reg scratch, std::size_t flag, Label off) {
  a_.MapValueAddress(scratch, "flag", static_cast<std::uint32_t>(flag));
  a_.Load(Size::kWord, scratch, scratch, 0);
  a_.JumpIf(Cond::kEqual, scratch, 0, off);
}

void Builder::FindRedirects() {
  if (!plan_.note_redirects) return;
  redirects_ = FindRedirectCalls(program_);
  for (const RedirectCall& call : redirects_) {
    if (!redirect_stubs_.contains(call.helper)) redirect_stubs_.emplace(call.helper, a_.NewLabel());
  }
  code_.notes_redirects = !redirects_.empty();
}

// For calls in the main function: a way around the call and back, which calls the helper itself where nothing
// is inserted. R0 is free there: the call is about to write it. Calls elsewhere become calls of the stub,
// since their functions have no room; that costs one call more.
void Builder::Detours() {
  for (const RedirectCall& call : redirects_) {
    if (call.instruction >= main_end_ || program_.size() > kLongestDetour) continue;
    const Label off = a_.NewLabel();
    Detour detour{.begin = a_.size(), .back = {}};
    const bpf_insn back{.code = BPF_JMP | BPF_JA, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
    SkipWhereOff(R0, offsetof(InstrumentFlags, exits), off);
    a_.CallFunction(redirect_stubs_.at(call.helper));
    detour.back[0] = a_.size();
    a_.Append({&back, 1});
    a_.Bind(off);
    a_.Call(call.helper);
    detour.back[1] = a_.size();
    a_.Append({&back, 1});
    detours_.emplace(call.instruction, detour);
  }
}

// R1 is still the context where nothing is inserted, and R0 the verdict, so that this way costs the least.
void Builder::CallOldMain(Label old_main) {
  const Label run = a_.NewLabel();
  const Label done = a_.NewLabel();
  a_.Mov(R6, R1);
  SkipWhereOff(R2, offsetof(InstrumentFlags, entry), run);
  if (code_.notes_redirects) {
    a_.CallFunction(forget_);
    a_.Mov(R1, R6);
  }
  a_.CallFunction(entry_);
  a_.Mov(R1, R6);
  a_.Bind(run);
  a_.CallFunction(old_main);
  SkipWhereOff(R1, offsetof(InstrumentFlags, exits), done);
  a_.Mov(R1, R6);
  a_.Mov(R6, R0);
  a_.Mov(R2, R0);
  a_.CallFunction(exit_);
  a_.Mov(R0, R6);
  a_.Bind(done);
  a_.Exit();
}

// The main function as it is, in the new one's place: its jumps stay as they are, its calls are mended once
// it is known where the functions are. Nothing is inserted when it runs, so that its redirects need no notes.
void Builder::CopyMain() {
  copy_ = a_.size();
  a_.Append(std::span(program_).first(main_end_));
}

void Builder::PatchCopy() {
  if (!copy_) return;
  const auto moved = static_cast<std::int32_t>(code_.shift - *copy_);
  for (std::size_t i = 0; i < main_end_; ++i) {
    bpf_insn& insn = code_.instructions[*copy_ + i];
    const bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
    if (call || (IsWideLoad(insn) && insn.src_reg == BPF_PSEUDO_FUNC)) insn.imm += moved;
    if (IsWideLoad(insn)) ++i;
  }
}

void Builder::Wrap() {
  const Label old_main = a_.NewLabel();
  code_.functions.push_back({0, FunctionRole::kMain});
  if (plan_.method == InstrumentMethod::kBypass) {
    static_assert(sizeof(InstrumentFlags) == 8, "one load has both flags");
    const Label plain = a_.NewLabel();
    a_.MapValueAddress(R2, "flag", 0);
    a_.Load(Size::kDouble, R2, R2, 0);
    a_.JumpIf(Cond::kEqual, R2, 0, plain);
    CallOldMain(old_main);
    a_.Bind(plain);
    CopyMain();
  } else {
    CallOldMain(old_main);
  }
  Function(old_main, FunctionRole::kOldMain);
  if (!redirects_.empty()) {
    const Label first = a_.NewLabel();
    a_.Jump(first);
    Detours();
    a_.Bind(first);
  }
  code_.shift = a_.size();
  code_.wrapped = true;
}

// The lowest byte of the frame that a function uses, as a number below zero: what is written through R10 and
// its copies. An estimate: the verifier refuses a program whose context was overwritten.
int DeepestStackUse(std::span<const bpf_insn> function) {
  int deepest = 0;
  std::array<bool, 16> frame{};  // registers that hold R10
  frame[BPF_REG_10] = true;
  for (std::size_t i = 0; i < function.size(); ++i) {
    const bpf_insn& insn = function[i];
    const int kind = BPF_CLASS(insn.code);
    const bool load = kind == BPF_LDX;
    const bool store = kind == BPF_ST || kind == BPF_STX;
    if ((load && frame[insn.src_reg]) || (store && frame[insn.dst_reg])) {
      deepest = std::min<int>(deepest, insn.off);
    }
    if (insn.code == (BPF_ALU64 | BPF_MOV | BPF_X)) {
      frame[insn.dst_reg] = frame[insn.src_reg];
    } else if (insn.code == (BPF_ALU64 | BPF_ADD | BPF_K) && frame[insn.dst_reg]) {
      deepest = std::min(deepest, std::max(insn.imm, -kStackBytes));
      frame[insn.dst_reg] = insn.dst_reg == BPF_REG_10;
    } else if ((load || kind == BPF_LD || kind == BPF_ALU || kind == BPF_ALU64) &&
               insn.dst_reg != BPF_REG_10) {
      frame[insn.dst_reg] = false;
    }
    if (IsWideLoad(insn)) ++i;
  }
  return deepest;
}

// The context is kept in the main function's frame, below what that uses: an exit may have lost all
// registers.
void Builder::RewriteExits() {
  const int deepest = DeepestStackUse(std::span(program_).first(main_end_));
  const int slot = (deepest - 7) / 8 * 8 - 8;
  if (slot < -kStackBytes) {
    throw Impossible(
        fmt::format("the main function uses {} of 512 bytes of stack, and 8 are needed", -deepest));
  }
  const auto context = static_cast<std::int16_t>(slot);
  const Label run = a_.NewLabel();
  const Label done = a_.NewLabel();
  code_.functions.push_back({0, FunctionRole::kMain});
  a_.Store(Size::kDouble, R10, context, R1);
  SkipWhereOff(R2, offsetof(InstrumentFlags, entry), run);
  if (code_.notes_redirects) {
    a_.CallFunction(forget_);
    a_.Load(Size::kDouble, R1, R10, context);
  }
  a_.CallFunction(entry_);
  a_.Load(Size::kDouble, R1, R10, context);
  a_.Jump(run);
  const std::size_t epilogue = a_.size();
  SkipWhereOff(R1, offsetof(InstrumentFlags, exits), done);
  a_.Load(Size::kDouble, R1, R10, context);
  a_.Mov(R6, R0);
  a_.Mov(R2, R0);
  a_.CallFunction(exit_);
  a_.Mov(R0, R6);
  a_.Bind(done);
  a_.Exit();
  Detours();
  a_.Bind(run);
  code_.shift = a_.size();

  for (std::size_t i = 0; i < main_end_; ++i) {
    bpf_insn& insn = program_[i];
    if (IsWideLoad(insn)) {
      ++i;
      continue;
    }
    if (insn.code != (BPF_JMP | BPF_EXIT)) continue;
    const std::int64_t distance =
        static_cast<std::int64_t>(epilogue) - static_cast<std::int64_t>(code_.shift + i) - 1;
    insn = bpf_insn{};
    if (distance >= std::numeric_limits<std::int16_t>::min()) {
      insn.code = BPF_JMP | BPF_JA;
      insn.off = static_cast<std::int16_t>(distance);
    } else {
      insn.code = BPF_JMP32 | BPF_JA;  // since Linux 6.6
      insn.imm = static_cast<std::int32_t>(distance);
    }
  }
}

void Builder::Stubs() {
  Function(entry_, FunctionRole::kEntryStub);
  a_.MapAddress(R2, "entry");
  a_.Mov(R3, 0);
  a_.Call(BPF_FUNC_tail_call);
  a_.Mov(R0, 0);
  a_.Exit();

  Function(exit_, FunctionRole::kExitStub);
  const Label in_range = a_.NewLabel();
  const auto last = static_cast<std::int32_t>(plan_.places.last);
  a_.Mov32(R3, R2);
  if (plan_.places.bias != 0) {
    a_.Alu(AluOp::kAdd, Width::k32, R3, static_cast<std::int32_t>(plan_.places.bias));
  }
  a_.JumpIf(Cond::kLessEqual, R3, last, in_range);
  a_.Mov32(R3, last);
  a_.Bind(in_range);
  a_.MapAddress(R2, "exits");
  a_.Call(BPF_FUNC_tail_call);
  a_.Mov(R0, 0);
  a_.Exit();

  if (!code_.notes_redirects) return;
  Function(forget_, FunctionRole::kHelperStub);
  AssembleForgetStub(a_, plan_.cpus);
  for (const auto& [helper, label] : redirect_stubs_) {
    Function(label, FunctionRole::kHelperStub);
    AssembleRedirectStub(a_, helper, plan_.cpus, plan_.offset_of_map_id);
  }
}

std::int64_t Distance(std::size_t from, std::size_t to) {
  return static_cast<std::int64_t>(to) - static_cast<std::int64_t>(from) - 1;
}

void Builder::PatchRedirects() {
  // The functions behind the program were noted in their order, those of redirects last.
  std::map<bpf_func_id, std::size_t> starts;
  std::size_t next = code_.functions.size() - redirect_stubs_.size();
  for (const auto& [helper, label] : redirect_stubs_) starts[helper] = code_.functions[next++].start;
  for (const RedirectCall& call : redirects_) {
    const std::size_t at = code_.shift + call.instruction;
    bpf_insn& insn = code_.instructions[at];
    const auto detour = detours_.find(call.instruction);
    if (detour == detours_.end()) {
      insn.src_reg = BPF_PSEUDO_CALL;
      insn.imm = static_cast<std::int32_t>(Distance(at, starts.at(call.helper)));
      continue;
    }
    insn = bpf_insn{};
    insn.code = BPF_JMP | BPF_JA;
    insn.off = static_cast<std::int16_t>(Distance(at, detour->second.begin));
    for (const std::size_t back : detour->second.back)
      code_.instructions[back].off = static_cast<std::int16_t>(Distance(back, at + 1));
  }
}

InstrumentedCode Builder::Build() {
  const std::vector<std::size_t> starts = FunctionStarts(program_);
  main_end_ = starts.size() > 1 ? starts[1] : program_.size();
  FindRedirects();
  if (plan_.method == InstrumentMethod::kExits) {
    RewriteExits();
  } else {
    Wrap();
  }
  a_.Append(program_);
  Stubs();
  Code code = a_.Finish();
  code.BindMap("flag", plan_.maps.flag);
  code.BindMap("entry", plan_.maps.entry);
  code.BindMap("exits", plan_.maps.exits);
  code.BindMap("notes", plan_.maps.notes);
  code_.instructions = std::move(code.instructions);
  PatchRedirects();
  PatchCopy();
  return std::move(code_);
}

}  // namespace

InstrumentedCode Instrumented(std::span<const bpf_insn> program, const InstrumentPlan& plan) {
  return Builder(program, plan).Build();
}

std::vector<std::size_t> FunctionStarts(std::span<const bpf_insn> program) {
  std::vector<bool> begins(program.size());
  if (!begins.empty()) begins[0] = true;
  for (std::size_t i = 0; i < program.size(); ++i) {
    const bpf_insn& insn = program[i];
    const bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
    const bool callback = IsWideLoad(insn) && insn.src_reg == BPF_PSEUDO_FUNC;
    const std::int64_t target = static_cast<std::int64_t>(i) + 1 + insn.imm;
    if ((call || callback) && target >= 0 && target < static_cast<std::int64_t>(program.size()))
      begins[static_cast<std::size_t>(target)] = true;
    if (IsWideLoad(insn)) ++i;
  }
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    if (begins[i]) starts.push_back(i);
  }
  return starts;
}

}  // namespace knetlab
