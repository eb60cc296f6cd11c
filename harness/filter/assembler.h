// SPDX-License-Identifier: Apache-2.0
// A small typed assembler for eBPF: registers, widths and conditions are types, jumps go to labels, maps are
// named. The filter compiler, capture programs and whatever else makes programs at run time are written with
// it.
//
//   Assembler a;
//   Label exit = a.NewLabel();
//   a.Load(Size::kWord, R2, R1, offsetof(xdp_md, data_end));
//   a.Load(Size::kWord, R1, R1, offsetof(xdp_md, data));
//   a.Mov(R0, XDP_PASS);
//   a.Add(R1, 14);
//   a.JumpIf(Cond::kGreater, R1, R2, exit);
//   a.Mov(R0, XDP_DROP);
//   a.Bind(exit);
//   a.Exit();
//   Code code = a.Finish();
//
// Instruction set: the kernel's Documentation/bpf/standardization/instruction-set.rst, up to what Linux 5.10
// has (ALU32, JMP32, no wide jumps, no sign extension). Not thread-safe; plain values.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

struct Reg {
  std::uint8_t number;
  friend bool operator==(Reg, Reg) = default;
};
// R0: result; R1 to R5: arguments, lost by a call; R6 to R9: kept; R10: the frame, read only.
inline constexpr Reg R0{0}, R1{1}, R2{2}, R3{3}, R4{4}, R5{5}, R6{6}, R7{7}, R8{8}, R9{9}, R10{10};

enum class Size : std::uint8_t { kWord = BPF_W, kHalf = BPF_H, kByte = BPF_B, kDouble = BPF_DW };
constexpr int Bytes(Size size) {
  return size == Size::kWord ? 4 : size == Size::kHalf ? 2 : size == Size::kByte ? 1 : 8;
}

// 32-bit operations clear the upper half of their result.
enum class Width : std::uint8_t { k64 = BPF_ALU64, k32 = BPF_ALU };

enum class AluOp : std::uint8_t {
  kAdd = BPF_ADD,
  kSub = BPF_SUB,
  kMul = BPF_MUL,
  kDiv = BPF_DIV,  // unsigned; by zero: 0
  kOr = BPF_OR,
  kAnd = BPF_AND,
  kLeft = BPF_LSH,
  kRight = BPF_RSH,
  kMod = BPF_MOD,  // unsigned; by zero: the dividend
  kXor = BPF_XOR,
  kMov = BPF_MOV,
  kArithmeticRight = BPF_ARSH
};

enum class Cond : std::uint8_t {  // unsigned but for the kSigned ones
  kEqual = BPF_JEQ,
  kNotEqual = BPF_JNE,
  kGreater = BPF_JGT,
  kGreaterEqual = BPF_JGE,
  kLess = BPF_JLT,
  kLessEqual = BPF_JLE,
  kBits = BPF_JSET,  // has none that is its opposite
  kSignedGreater = BPF_JSGT,
  kSignedGreaterEqual = BPF_JSGE,
  kSignedLess = BPF_JSLT,
  kSignedLessEqual = BPF_JSLE
};
// The condition that holds where this one does not. Not for kBits.
Cond Opposite(Cond condition);

class Label {
 public:
  Label() = default;

 private:
  friend class Assembler;
  explicit Label(std::size_t index) : index_(index) {}
  std::size_t index_ = SIZE_MAX;
};

// Finished instructions, and where maps are named in them.
struct Code {
  struct MapUse {
    std::size_t instruction;  // the first half of a BPF_LD_IMM64
    std::string map;
  };
  std::vector<bpf_insn> instructions;
  std::vector<MapUse> map_uses;

  // Puts the descriptor of a map in all places that name it.
  void BindMap(std::string_view map, int fd);
};

class Assembler {
 public:
  Label NewLabel();
  void Bind(Label label);            // here; once
  bool IsTarget(Label label) const;  // whether anything jumps to it so far

  void Alu(AluOp op, Width width, Reg to, Reg from);
  void Alu(AluOp op, Width width, Reg to, std::int32_t value);  // 64-bit: the value is sign-extended
  void Negate(Width width, Reg to);
  void Mov(Reg to, Reg from) { Alu(AluOp::kMov, Width::k64, to, from); }
  void Mov(Reg to, std::int32_t value) { Alu(AluOp::kMov, Width::k64, to, value); }
  void Mov32(Reg to, Reg from) { Alu(AluOp::kMov, Width::k32, to, from); }
  void Mov32(Reg to, std::int32_t value) { Alu(AluOp::kMov, Width::k32, to, value); }
  void Add(Reg to, Reg from) { Alu(AluOp::kAdd, Width::k64, to, from); }
  void Add(Reg to, std::int32_t value) { Alu(AluOp::kAdd, Width::k64, to, value); }
  // The lowest 16, 32 or 64 bits from big-endian to the CPU's order, the rest cleared; the other way is the
  // same.
  void SwapBigEndian(Reg to, int bits);

  void Load(Size size, Reg to, Reg base, std::int16_t offset);
  void Store(Size size, Reg base, std::int16_t offset, Reg from);
  void StoreValue(Size size, Reg base, std::int16_t offset, std::int32_t value);
  void AtomicAdd(Size size, Reg base, std::int16_t offset, Reg value);  // kWord, kDouble; no result
  void Mov64(Reg to, std::uint64_t value);                              // two instructions
  void MapAddress(Reg to, std::string_view map);                        // the map itself, for helpers
  // Into the value of an array map of one element (global data), at an offset.
  void MapValueAddress(Reg to, std::string_view map, std::uint32_t offset);

  void Jump(Label target);
  void JumpIf(Cond condition, Reg left, Reg right, Label target) {
    JumpIf(condition, Width::k64, left, right, target);
  }
  void JumpIf(Cond condition, Reg left, std::int32_t right, Label target) {
    JumpIf(condition, Width::k64, left, right, target);
  }
  void JumpIf(Cond condition, Width width, Reg left, Reg right, Label target);
  void JumpIf(Cond condition, Width width, Reg left, std::int32_t right, Label target);

  void Call(bpf_func_id helper);
  void CallFunction(Label function);  // a function of the same program; R1 to R5 in, R0 out
  void Exit();

  // Instructions made elsewhere, as they are: what they jump to and call must be among them.
  void Append(std::span<const bpf_insn> instructions);

  std::size_t size() const { return instructions_.size(); }  // so far; a wide load counts as two

  // Throws Error where a label was never bound, or a jump is too far (32,767 instructions).
  Code Finish();

 private:
  struct Fix {
    std::size_t instruction;
    std::size_t label;
    bool call;
  };
  void Emit(std::uint8_t code, Reg to, Reg from, std::int16_t offset, std::int32_t value);
  void EmitJump(std::uint8_t code, Reg left, Reg right, std::int32_t value, Label target);
  void EmitMapLoad(Reg to, std::uint8_t kind, std::string_view map, std::int32_t second);

  std::vector<bpf_insn> instructions_;
  std::vector<std::size_t> labels_;  // where bound
  std::vector<Fix> fixes_;
  std::vector<Code::MapUse> map_uses_;
};

}  // namespace knetlab
