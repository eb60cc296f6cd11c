// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/emit.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace knetlab::filter {
namespace {

using Kind = Instruction::Kind;

Reg R(Register reg) {
  return Reg{static_cast<std::uint8_t>(reg)};
}

// Blocks one after another so that as many as possible fall into the next.
class Layout {
 public:
  explicit Layout(const Machine& machine)
      : machine_(machine), placed_(machine.blocks.size()), waiting_(machine.blocks.size()) {
    for (const MachineBlock& block : machine.blocks) {
      if (!block.live) continue;
      ++waiting_[At(block.yes)];
      if (block.branches()) ++waiting_[At(block.no)];
    }
  }

  std::vector<BlockId> Order() {
    Place(kEntry);
    while (true) {
      const MachineBlock& last = machine_.blocks[At(order_.back())];
      BlockId next = kNone;
      // A test of bits has no opposite: what follows where it does not hold must come next.
      const BlockId first = last.condition == Cond::kBits ? last.no : Preferred(last);
      for (BlockId candidate : {first, last.yes, last.no}) {
        if (next == kNone && Open(candidate)) next = candidate;
      }
      for (BlockId id = kEntry; next == kNone && id < static_cast<BlockId>(placed_.size()); ++id) {
        if (Open(id) && waiting_[At(id)] == 0) next = id;
      }
      for (BlockId id = kEntry; next == kNone && id < static_cast<BlockId>(placed_.size()); ++id) {
        if (Open(id)) next = id;
      }
      if (next == kNone) return order_;
      Place(next);
    }
  }

 private:
  bool Open(BlockId id) const { return id >= kEntry && machine_.blocks[At(id)].live && !placed_[At(id)]; }

  // Of two, the one that nothing else waits to fall into.
  BlockId Preferred(const MachineBlock& last) const {
    const bool yes_ready = last.yes >= kEntry && waiting_[At(last.yes)] == 0;
    const bool no_ready = last.no >= kEntry && waiting_[At(last.no)] == 0;
    if (yes_ready != no_ready) return yes_ready ? last.yes : last.no;
    return std::min(last.yes, last.no) >= kEntry ? std::min(last.yes, last.no) : std::max(last.yes, last.no);
  }

  void Place(BlockId id) {
    placed_[At(id)] = true;
    order_.push_back(id);
    const MachineBlock& block = machine_.blocks[At(id)];
    --waiting_[At(block.yes)];
    if (block.branches()) --waiting_[At(block.no)];
  }

  const Machine& machine_;
  std::vector<bool> placed_;
  std::vector<int> waiting_;  // ways in that are not placed yet
  std::vector<BlockId> order_;
};

class Emitter {
 public:
  Emitter(Assembler& assembler, const Machine& machine, const EmitOptions& options)
      : a_(assembler), machine_(machine), options_(options), labels_(machine.blocks.size()) {
    labels_[kAccept] = options.accept;
    labels_[kReject] = options.reject;
    for (std::size_t id = kEntry; id < labels_.size(); ++id) labels_[id] = a_.NewLabel();
  }

  bool Run() {
    bool falls = false;
    const std::vector<BlockId> order = Layout(machine_).Order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      a_.Bind(labels_[At(order[i])]);
      const MachineBlock& block = machine_.blocks[At(order[i])];
      for (const Instruction& one : block.code) One(one);
      falls = false;
      if (!block.code.empty() && block.code.back().kind == Kind::kFail) continue;
      const bool last = i + 1 == order.size();
      falls = Branch(block, last ? options_.behind : order[i + 1]);
    }
    return falls;
  }

 private:
  Label FailOf(const Instruction& one) const {
    return one.fail == Fail::kShort ? options_.too_short : options_.reject;
  }

  std::int16_t Slot(int slot) const { return static_cast<std::int16_t>(-options_.stack - 8 * (slot + 1)); }
  // Behind all slots.
  std::int16_t Buffer() const { return Slot(machine_.slots); }

  void Move(Register to, Register from) {
    if (to != from) a_.Mov(R(to), R(from));
  }

  void One(const Instruction& one) {
    switch (one.kind) {
      case Kind::kAlu:
        if (one.op == AluOp::kMov && one.from != kNoRegister) return Move(one.to, one.from);
        if (one.from != kNoRegister) {
          a_.Alu(one.op, one.width, R(one.to), R(one.from));
        } else {
          a_.Alu(one.op, one.width, R(one.to), one.value);
        }
        return;
      case Kind::kShift: {
        // Zero shifted by anything is zero: right also where both are one register.
        const Label shift = a_.NewLabel();
        a_.JumpIf(Cond::kLess, R(one.from), 32, shift);
        a_.Mov(R(one.to), 0);
        a_.Bind(shift);
        a_.Alu(one.op, Width::k32, R(one.to), R(one.from));
        return;
      }
      case Kind::kSwap:
        a_.SwapBigEndian(R(one.to), one.value);
        return;
      case Kind::kLoad:
        a_.Load(one.size, R(one.to), R(one.from), static_cast<std::int16_t>(one.value));
        return;
      case Kind::kContext:
        a_.Load(one.size, R(one.to), R(machine_.fixed.context), static_cast<std::int16_t>(one.value));
        return;
      case Kind::kPointer:
        Move(one.to, one.from);
        if (one.limited) a_.JumpIf(Cond::kGreater, R(one.to), one.value, FailOf(one));
        a_.Add(R(one.to), R(machine_.fixed.packet));
        return;
      case Kind::kCheck:
      case Kind::kCheckCopy:
        if (one.kind == Kind::kCheckCopy) Move(one.to, one.from);
        if (one.value != 0) a_.Add(R(one.to), one.value);
        a_.JumpIf(Cond::kGreater, R(one.to), R(machine_.fixed.end), FailOf(one));
        return;
      case Kind::kFail:
        a_.Jump(FailOf(one));
        return;
      case Kind::kLength:
        a_.Mov(R(one.to), R(machine_.fixed.end));
        a_.Alu(AluOp::kSub, Width::k64, R(one.to), R(machine_.fixed.packet));
        if (one.value != 0) a_.Add(R(one.to), one.value);
        return;
      case Kind::kHelper:
        if (one.limited) a_.Mov(R1, R(machine_.fixed.context));
        a_.Call(static_cast<bpf_func_id>(one.value));
        if (one.to != 0) a_.Mov32(R(one.to), R0);
        return;
      case Kind::kReadHelper:
        return Read(one);
      case Kind::kWireLength:
        return WireLength(one.to);
      case Kind::kCheckLength:
        WireLength(one.to);
        if (one.from == kNoRegister) {
          a_.JumpIf(Cond::kLess, R(one.to), one.value, FailOf(one));
        } else {
          a_.Add(R(one.to), -one.value);
          a_.JumpIf(Cond::kSignedLess, R(one.to), R(one.from), FailOf(one));
        }
        return;
      case Kind::kFill:
        a_.Load(Size::kDouble, R(one.to), R10, Slot(one.value));
        return;
      case Kind::kSpill:
        a_.Store(Size::kDouble, R10, Slot(one.value), R(one.from));
        return;
      case Kind::kCount:
        a_.Add(R(one.to), 1);
        a_.JumpIf(Cond::kGreater, R(one.to), one.value, options_.reject);
        return;
    }
  }

  void WireLength(Register to) {
    if (options_.reader != nullptr) {
      a_.Load(Size::kDouble, R(to), R10, options_.reader->length);
    } else if (machine_.length_slot >= 0) {
      a_.Load(Size::kDouble, R(to), R10, Slot(machine_.length_slot));
    } else {
      a_.Load(Size::kWord, R(to), R(machine_.fixed.context), offsetof(__sk_buff, len));
    }
  }

  void Read(const Instruction& one) {
    if (one.from == kNoRegister) {
      a_.Mov(R2, one.value);
    } else {
      Move(2, one.from);
      if (one.value != 0) a_.Add(R2, one.value);
    }
    a_.Mov(R1, R(machine_.fixed.context));
    a_.Mov(R3, R10);
    a_.Add(R3, Buffer());
    a_.Mov(R4, Bytes(one.size));
    if (options_.reader != nullptr) {
      a_.Mov(R5, R10);
      a_.Add(R5, options_.reader->argument);
      a_.CallFunction(options_.reader->load);
    } else {
      a_.Call(IsSkb(options_.target) ? BPF_FUNC_skb_load_bytes : BPF_FUNC_xdp_load_bytes);
    }
    a_.JumpIf(Cond::kNotEqual, R0, 0, options_.reject);
    a_.Load(one.size, R(one.to), R10, Buffer());
  }

  void JumpIf(const MachineBlock& block, Cond condition, BlockId to) {
    if (block.b == kNoRegister) {
      a_.JumpIf(condition, block.width, R(block.a), block.value, labels_[At(to)]);
    } else {
      a_.JumpIf(condition, block.width, R(block.a), R(block.b), labels_[At(to)]);
    }
  }

  // Whether control may fall into the next block.
  bool Branch(const MachineBlock& block, BlockId next) {
    if (!block.branches()) {
      if (block.yes != next) a_.Jump(labels_[At(block.yes)]);
      return block.yes == next;
    }
    if (block.yes == next && block.condition != Cond::kBits) {
      JumpIf(block, Opposite(block.condition), block.no);
      return true;
    }
    JumpIf(block, block.condition, block.yes);
    if (block.no != next) a_.Jump(labels_[At(block.no)]);
    return block.no == next;
  }

  Assembler& a_;
  const Machine& machine_;
  const EmitOptions& options_;
  std::vector<Label> labels_;
};

}  // namespace

bool Emit(Assembler& assembler, const Machine& machine, const EmitOptions& options) {
  return Emitter(assembler, machine, options).Run();
}

}  // namespace knetlab::filter
