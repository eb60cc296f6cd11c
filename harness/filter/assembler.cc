// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kUnbound = SIZE_MAX;

std::uint8_t Bits(Width width) {
  return static_cast<std::uint8_t>(width);
}

std::uint8_t JumpClass(Width width) {
  return width == Width::k64 ? BPF_JMP : BPF_JMP32;
}

Error Defect(std::string why) {
  return Error({.what = "assemble eBPF",
                .where = "program",
                .why = std::move(why),
                .hint = "",
                .detail = "",
                .code = EINVAL});
}

}  // namespace

Cond Opposite(Cond condition) {
  switch (condition) {
    case Cond::kEqual:
      return Cond::kNotEqual;
    case Cond::kNotEqual:
      return Cond::kEqual;
    case Cond::kGreater:
      return Cond::kLessEqual;
    case Cond::kGreaterEqual:
      return Cond::kLess;
    case Cond::kLess:
      return Cond::kGreaterEqual;
    case Cond::kLessEqual:
      return Cond::kGreater;
    case Cond::kSignedGreater:
      return Cond::kSignedLessEqual;
    case Cond::kSignedGreaterEqual:
      return Cond::kSignedLess;
    case Cond::kSignedLess:
      return Cond::kSignedGreaterEqual;
    case Cond::kSignedLessEqual:
      return Cond::kSignedGreater;
    case Cond::kBits:
      break;
  }
  throw Defect("no condition is the opposite of a test of bits");
}

void Code::BindMap(std::string_view map, int fd) {
  for (const MapUse& use : map_uses) {
    if (use.map == map) instructions[use.instruction].imm = fd;
  }
}

Label Assembler::NewLabel() {
  labels_.push_back(kUnbound);
  return Label(labels_.size() - 1);
}

void Assembler::Bind(Label label) {
  if (label.index_ >= labels_.size() || labels_[label.index_] != kUnbound)
    throw Defect("a label is bound twice or of another program");
  labels_[label.index_] = instructions_.size();
}

bool Assembler::IsTarget(Label label) const {
  return std::any_of(fixes_.begin(), fixes_.end(),
                     [label](const Fix& fix) { return fix.label == label.index_; });
}

void Assembler::Emit(std::uint8_t code, Reg to, Reg from, std::int16_t offset, std::int32_t value) {
  bpf_insn instruction{};
  instruction.code = code;
  instruction.dst_reg = to.number & 0xf;
  instruction.src_reg = from.number & 0xf;
  instruction.off = offset;
  instruction.imm = value;
  instructions_.push_back(instruction);
}

void Assembler::Alu(AluOp op, Width width, Reg to, Reg from) {
  Emit(static_cast<std::uint8_t>(op) | BPF_X | Bits(width), to, from, 0, 0);
}

void Assembler::Alu(AluOp op, Width width, Reg to, std::int32_t value) {
  Emit(static_cast<std::uint8_t>(op) | BPF_K | Bits(width), to, R0, 0, value);
}

void Assembler::Negate(Width width, Reg to) {
  Emit(BPF_NEG | BPF_K | Bits(width), to, R0, 0, 0);
}

void Assembler::SwapBigEndian(Reg to, int bits) {
  Emit(BPF_ALU | BPF_END | BPF_TO_BE, to, R0, 0, bits);
}

void Assembler::Load(Size size, Reg to, Reg base, std::int16_t offset) {
  Emit(BPF_LDX | BPF_MEM | static_cast<std::uint8_t>(size), to, base, offset, 0);
}

void Assembler::Store(Size size, Reg base, std::int16_t offset, Reg from) {
  Emit(BPF_STX | BPF_MEM | static_cast<std::uint8_t>(size), base, from, offset, 0);
}

void Assembler::StoreValue(Size size, Reg base, std::int16_t offset, std::int32_t value) {
  Emit(BPF_ST | BPF_MEM | static_cast<std::uint8_t>(size), base, R0, offset, value);
}

void Assembler::AtomicAdd(Size size, Reg base, std::int16_t offset, Reg value) {
  Emit(BPF_STX | BPF_ATOMIC | static_cast<std::uint8_t>(size), base, value, offset, BPF_ADD);
}

void Assembler::Mov64(Reg to, std::uint64_t value) {
  Emit(BPF_LD | BPF_IMM | BPF_DW, to, R0, 0, static_cast<std::int32_t>(value & 0xffffffffU));
  Emit(0, R0, R0, 0, static_cast<std::int32_t>(value >> 32));
}

void Assembler::EmitMapLoad(Reg to, std::uint8_t kind, std::string_view map, std::int32_t second) {
  map_uses_.push_back({instructions_.size(), std::string(map)});
  Emit(BPF_LD | BPF_IMM | BPF_DW, to, Reg{kind}, 0, 0);
  Emit(0, R0, R0, 0, second);
}

void Assembler::MapAddress(Reg to, std::string_view map) {
  EmitMapLoad(to, BPF_PSEUDO_MAP_FD, map, 0);
}

void Assembler::MapValueAddress(Reg to, std::string_view map, std::uint32_t offset) {
  EmitMapLoad(to, BPF_PSEUDO_MAP_VALUE, map, static_cast<std::int32_t>(offset));
}

void Assembler::EmitJump(std::uint8_t code, Reg left, Reg right, std::int32_t value, Label target) {
  if (target.index_ >= labels_.size()) throw Defect("a jump to a label of another program");
  fixes_.push_back({instructions_.size(), target.index_, false});
  Emit(code, left, right, 0, value);
}

void Assembler::Jump(Label target) {
  EmitJump(BPF_JMP | BPF_JA, R0, R0, 0, target);
}

void Assembler::JumpIf(Cond condition, Width width, Reg left, Reg right, Label target) {
  EmitJump(JumpClass(width) | static_cast<std::uint8_t>(condition) | BPF_X, left, right, 0, target);
}

void Assembler::JumpIf(Cond condition, Width width, Reg left, std::int32_t right, Label target) {
  EmitJump(JumpClass(width) | static_cast<std::uint8_t>(condition) | BPF_K, left, R0, right, target);
}

void Assembler::Call(bpf_func_id helper) {
  Emit(BPF_JMP | BPF_CALL, R0, R0, 0, static_cast<std::int32_t>(helper));
}

void Assembler::CallFunction(Label function) {
  fixes_.push_back({instructions_.size(), function.index_, true});
  Emit(BPF_JMP | BPF_CALL, R0, Reg{BPF_PSEUDO_CALL}, 0, 0);
}

void Assembler::Exit() {
  Emit(BPF_JMP | BPF_EXIT, R0, R0, 0, 0);
}

void Assembler::Append(std::span<const bpf_insn> instructions) {
  instructions_.insert(instructions_.end(), instructions.begin(), instructions.end());
}

Code Assembler::Finish() {
  for (const Fix& fix : fixes_) {
    const std::size_t target = labels_.at(fix.label);
    if (target == kUnbound) throw Defect("a label that is jumped to was never bound");
    const std::int64_t distance =
        static_cast<std::int64_t>(target) - static_cast<std::int64_t>(fix.instruction) - 1;
    bpf_insn& instruction = instructions_[fix.instruction];
    if (fix.call) {
      instruction.imm = static_cast<std::int32_t>(distance);
      continue;
    }
    if (distance < std::numeric_limits<std::int16_t>::min() ||
        distance > std::numeric_limits<std::int16_t>::max()) {
      throw Error({.what = "assemble eBPF",
                   .where = fmt::format("instruction {} of {}", fix.instruction, instructions_.size()),
                   .why = fmt::format("a jump over {} instructions; the kernel allows 32767", distance),
                   .hint = "make the program smaller, or split it",
                   .detail = "",
                   .code = E2BIG});
    }
    instruction.off = static_cast<std::int16_t>(distance);
  }
  Code code{std::move(instructions_), std::move(map_uses_)};
  *this = Assembler();
  return code;
}

}  // namespace knetlab
