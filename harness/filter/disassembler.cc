// SPDX-License-Identifier: Apache-2.0
// After kernel/bpf/disasm.c, up to the instructions that the assembler makes; others are shown as their code.
#include "harness/filter/disassembler.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace knetlab {
namespace {

const char* AluText(unsigned op) {
  switch (op) {
    case BPF_ADD:
      return "+=";
    case BPF_SUB:
      return "-=";
    case BPF_MUL:
      return "*=";
    case BPF_DIV:
      return "/=";
    case BPF_OR:
      return "|=";
    case BPF_AND:
      return "&=";
    case BPF_LSH:
      return "<<=";
    case BPF_RSH:
      return ">>=";
    case BPF_MOD:
      return "%=";
    case BPF_XOR:
      return "^=";
    case BPF_MOV:
      return "=";
    case BPF_ARSH:
      return "s>>=";
    default:
      return nullptr;
  }
}

const char* ConditionText(unsigned op) {
  switch (op) {
    case BPF_JEQ:
      return "==";
    case BPF_JNE:
      return "!=";
    case BPF_JGT:
      return ">";
    case BPF_JGE:
      return ">=";
    case BPF_JLT:
      return "<";
    case BPF_JLE:
      return "<=";
    case BPF_JSET:
      return "&";
    case BPF_JSGT:
      return "s>";
    case BPF_JSGE:
      return "s>=";
    case BPF_JSLT:
      return "s<";
    case BPF_JSLE:
      return "s<=";
    default:
      return nullptr;
  }
}

const char* SizeText(unsigned code) {
  switch (BPF_SIZE(code)) {
    case BPF_W:
      return "u32";
    case BPF_H:
      return "u16";
    case BPF_B:
      return "u8";
    default:
      return "u64";
  }
}

// The kernel's own list, in the order of the ids.
std::string HelperName(std::int32_t id) {
#define KNETLAB_HELPER(name) "bpf_" #name
  static constexpr const char* kNames[] = {__BPF_FUNC_MAPPER(KNETLAB_HELPER)};
#undef KNETLAB_HELPER
  static_assert(std::size(kNames) == __BPF_FUNC_MAX_ID);
  const bool known = id >= 0 && static_cast<std::size_t>(id) < std::size(kNames);
  return known ? kNames[id] : "unknown";
}

std::string Unknown(const bpf_insn& one) {
  return fmt::format("({:02x}) unknown", one.code);
}

std::string Alu(const bpf_insn& one) {
  const char width = BPF_CLASS(one.code) == BPF_ALU ? 'w' : 'r';
  const unsigned dst = one.dst_reg, src = one.src_reg;
  const unsigned op = BPF_OP(one.code);
  if (op == BPF_END)
    return fmt::format("({:02x}) r{} = {}{} r{}", one.code, dst, BPF_SRC(one.code) == BPF_TO_BE ? "be" : "le",
                       one.imm, dst);
  if (op == BPF_NEG) return fmt::format("({:02x}) {}{} = -{}{}", one.code, width, dst, width, dst);
  const char* text = AluText(op);
  if (text == nullptr) return Unknown(one);
  if (BPF_SRC(one.code) == BPF_X)
    return fmt::format("({:02x}) {}{} {} {}{}", one.code, width, dst, text, width, src);
  return fmt::format("({:02x}) {}{} {} {}", one.code, width, dst, text, one.imm);
}

std::string Place(const bpf_insn& one, unsigned base) {
  return fmt::format("*({} *)(r{} {:+})", SizeText(one.code), base, one.off);
}

std::string Memory(const bpf_insn& one) {
  const unsigned dst = one.dst_reg, src = one.src_reg;
  switch (BPF_CLASS(one.code)) {
    case BPF_LDX:
      if (BPF_MODE(one.code) != BPF_MEM) break;
      return fmt::format("({:02x}) r{} = {}", one.code, dst, Place(one, src));
    case BPF_ST:
      if (BPF_MODE(one.code) != BPF_MEM) break;
      return fmt::format("({:02x}) {} = {}", one.code, Place(one, dst), one.imm);
    default:
      if (BPF_MODE(one.code) == BPF_MEM)
        return fmt::format("({:02x}) {} = r{}", one.code, Place(one, dst), src);
      if (BPF_MODE(one.code) == BPF_ATOMIC && one.imm == BPF_ADD)
        return fmt::format("({:02x}) lock {} += r{}", one.code, Place(one, dst), src);
      break;
  }
  return Unknown(one);
}

std::string Jump(const bpf_insn& one) {
  const unsigned op = BPF_OP(one.code), dst = one.dst_reg, src = one.src_reg;
  const char width = BPF_CLASS(one.code) == BPF_JMP32 ? 'w' : 'r';
  if (op == BPF_CALL && one.src_reg == BPF_PSEUDO_CALL)
    return fmt::format("({:02x}) call pc{:+}", one.code, one.imm);
  if (op == BPF_CALL) return fmt::format("({:02x}) call {}#{}", one.code, HelperName(one.imm), one.imm);
  if (op == BPF_JA) return fmt::format("({:02x}) goto pc{:+}", one.code, one.off);
  if (op == BPF_EXIT) return fmt::format("({:02x}) exit", one.code);
  const char* text = ConditionText(op);
  if (text == nullptr) return Unknown(one);
  if (BPF_SRC(one.code) == BPF_X)
    return fmt::format("({:02x}) if {}{} {} {}{} goto pc{:+}", one.code, width, dst, text, width, src,
                       one.off);
  return fmt::format("({:02x}) if {}{} {} {:#x} goto pc{:+}", one.code, width, dst, text,
                     static_cast<std::uint32_t>(one.imm), one.off);
}

bool IsWide(const bpf_insn& one) {
  return one.code == (BPF_LD | BPF_IMM | BPF_DW);
}

}  // namespace

std::string Disassemble(const bpf_insn& instruction, const bpf_insn* second_half) {
  switch (BPF_CLASS(instruction.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return Alu(instruction);
    case BPF_JMP:
    case BPF_JMP32:
      return Jump(instruction);
    case BPF_LD: {
      if (!IsWide(instruction) || second_half == nullptr) return Unknown(instruction);
      const std::uint64_t value = std::uint64_t{static_cast<std::uint32_t>(second_half->imm)} << 32 |
                                  static_cast<std::uint32_t>(instruction.imm);
      return fmt::format("({:02x}) r{} = {:#x}", instruction.code, static_cast<unsigned>(instruction.dst_reg),
                         value);
    }
    default:
      return Memory(instruction);
  }
}

std::string Listing(const Code& code) {
  std::string text;
  auto use = code.map_uses.begin();
  for (std::size_t at = 0; at < code.instructions.size(); ++at) {
    const bpf_insn& one = code.instructions[at];
    const bool wide = IsWide(one) && at + 1 < code.instructions.size();
    std::string shown = Disassemble(one, wide ? &code.instructions[at + 1] : nullptr);
    while (use != code.map_uses.end() && use->instruction < at) ++use;
    if (wide && use != code.map_uses.end() && use->instruction == at) {
      const bool value = one.src_reg == BPF_PSEUDO_MAP_VALUE;
      shown = fmt::format("({:02x}) r{} = map[{}]{}", one.code, static_cast<unsigned>(one.dst_reg), use->map,
                          value ? fmt::format("[0]{:+}", code.instructions[at + 1].imm) : "");
    }
    text += fmt::format("{:>4}: {}\n", at, shown);
    if (wide) ++at;
  }
  return text;
}

}  // namespace knetlab
