// SPDX-License-Identifier: Apache-2.0
// A filter as eBPF instructions before registers are chosen: numbers below 16 are the machine's registers,
// the others are to be placed in one, or on the stack. Two-address form, as eBPF is.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/filter/assembler.h"
#include "harness/filter/graph.h"

namespace knetlab::filter {

using Register = std::int32_t;
inline constexpr Register kNoRegister = -1;
inline constexpr Register kFirstVirtual = 16;

// Where control goes when an instruction finds that the packet does not reach.
enum class Fail : std::uint8_t {
  kNoMatch,
  kShort,  // the linear part does not reach: perhaps the packet does
};

struct Instruction {
  enum class Kind : std::uint8_t {
    kAlu,          // to = to op (from or value); kMov: to = from or value
    kShift,        // to = to op from, 0 where from is 32 or more (32 bits)
    kSwap,         // to: the lowest `value` bits from big-endian
    kLoad,         // to = *(size *)(from + value)
    kContext,      // to = *(size *)(context + value)
    kPointer,      // to = from + packet; before, where `limited`, fail if from > value
    kCheck,        // to += value; fail if to > end of the packet
    kCheckCopy,    // to = from + value; fail if to > end of the packet
    kFail,         // always
    kLength,       // to = end - packet + value
    kHelper,       // to = what a helper returns: value is its number; takes the context where `limited`
    kReadHelper,   // to = *(size *)(packet + from + value), by a helper; fail where it cannot
    kWireLength,   // to = the packet's length, all of it
    kCheckLength,  // fail if from + value > the packet's length; to is for the sum
    kFill,         // to = stack slot `value`
    kSpill,        // stack slot `value` = from
    kCount         // a jump back: one more; reject where there were too many
  };
  Kind kind = Kind::kAlu;
  AluOp op = AluOp::kMov;
  Width width = Width::k64;
  Size size = Size::kByte;
  Fail fail = Fail::kNoMatch;
  bool limited = false;
  Register to = kNoRegister, from = kNoRegister;
  std::int32_t value = 0;
};

struct MachineBlock {
  std::vector<Instruction> code{};
  // if (a condition b) yes else no; b: a register, or `value` where it is kNoRegister; yes == no: always
  Cond condition = Cond::kEqual;
  Width width = Width::k64;
  Register a = kNoRegister, b = kNoRegister;
  std::int32_t value = 0;
  BlockId yes = kReject, no = kReject;
  bool live = false;

  bool branches() const { return yes != no; }
};

// The machine's registers while a filter runs.
struct Registers {
  Register context = kNoRegister;  // kept all along, where the program needs it
  Register packet = 1, end = 2;    // the packet's beginning (it moves) and end; helpers read: none
  Register counter = kNoRegister;  // of jumps back
  std::vector<Register> free;      // for values, the cheapest first
};

struct Machine {
  std::vector<MachineBlock> blocks;  // by BlockId; those beyond the graph's are moves on an edge
  Register registers = kFirstVirtual;
  Registers fixed;
  bool calls = false;    // R0 to R5 do not survive everywhere
  int slots = 0;         // of 8 bytes, on the stack
  int length_slot = -1;  // that holds the packet's length, where the context does not
  bool buffer = false;   // 8 bytes of the stack for what helpers read

  Register New() { return registers++; }
};

// What an instruction reads and writes.
struct Effects {
  Register reads[2] = {kNoRegister, kNoRegister};
  Register writes = kNoRegister;
  bool call = false;
};
Effects EffectsOf(const Instruction& instruction);

// Chooses a register or a stack slot for every value: afterwards only the machine's registers are left, and
// the instructions that spill and fill. Throws Error where the stack does not hold them: `stack` bytes are
// left.
void Allocate(Machine& machine, int stack);

}  // namespace knetlab::filter
