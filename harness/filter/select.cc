// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/select.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "harness/filter/ancillary.h"
#include "harness/filter/edges.h"
#include "harness/filter/facts.h"
#include "harness/filter/needs.h"

namespace knetlab::filter {
namespace {

constexpr std::uint64_t kMaxHelperOffset = 0x7fffffff;

using Kind = Instruction::Kind;

std::uint32_t Swapped(std::uint32_t value, std::uint8_t bytes) {
  return bytes == 2   ? static_cast<std::uint32_t>(__builtin_bswap16(static_cast<std::uint16_t>(value)))
         : bytes == 4 ? __builtin_bswap32(value)
                      : value;
}

Size SizeOf(std::uint8_t bytes) {
  return bytes == 4 ? Size::kWord : bytes == 2 ? Size::kHalf : Size::kByte;
}

// Whether 64 bits give the same as 32: nothing is carried beyond them, and the verifier knows more of it.
bool FitsWide(AluOp op, const Facts& a, const Facts& b) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  switch (op) {
    case AluOp::kAdd:
      return std::uint64_t{a.max} + b.max <= kMax;
    case AluOp::kSub:
      return a.min >= b.max;
    case AluOp::kMul:
      return std::uint64_t{a.max} * b.max <= kMax;
    case AluOp::kLeft:
      return b.max < 32 && (std::uint64_t{a.max} << b.max) <= kMax;
    default:
      return true;
  }
}

class Selector {
 public:
  Selector(const Graph& graph, const std::vector<BlockId>& dominators, const BoundsPlan& bounds,
           const SelectOptions& options)
      : graph_(graph),
        dominators_(dominators),
        bounds_(bounds),
        options_(options),
        direct_(options.access == Access::kDirect),
        facts_(FindFacts(graph)),
        verified_(FindVerifierFacts(graph)),
        network_(FindNetworkOrder(graph)),
        of_value_(At(graph.values()), kNoRegister),
        of_base_(bounds.bases.size(), kNoRegister) {
    if (direct_) advances_ = PlanAdvances(graph, dominators, bounds);
  }

  Machine Run() {
    machine_.fixed = options_.registers;
    machine_.calls = !direct_ || NeedsCalls(graph_, options_.target);
    machine_.blocks.resize(At(graph_.blocks()));
    const std::vector<BlockId> order = graph_.Order();
    for (BlockId id : order) {
      machine_.blocks[At(id)].live = true;
      code_ = &machine_.blocks[At(id)].code;
      if (id == kEntry && !direct_ && !IsSkb(options_.target)) KeepLength();
      if (direct_) {
        Direct(id);
      } else {
        ByHelper(id);
      }
    }
    ConnectBlocks(
        graph_, [this](ValueId id) { return RegisterOf(id); }, machine_);
    FindReached();
    return std::move(machine_);
  }

 private:
  Facts FactsOf(ValueId id) const { return facts_[At(id)]; }

  Instruction& Emit(Instruction instruction) {
    code_->push_back(instruction);
    return code_->back();
  }
  void Move(Register to, Register from) { Emit(MoveOf(to, from)); }
  void MoveConstant(Register to, std::uint32_t value) { Emit(MoveOf(to, value)); }

  Register RegisterOf(ValueId id) {
    Register& reg = of_value_[At(id)];
    if (reg == kNoRegister) reg = machine_.New();
    return reg;
  }

  // xdp_md does not hold it: asked for once, and kept.
  void KeepLength() {
    const Register length = machine_.New();
    machine_.length_slot = machine_.slots++;
    Emit({.kind = Kind::kHelper, .limited = true, .to = length, .value = BPF_FUNC_xdp_get_buff_len});
    Emit({.kind = Kind::kSpill, .from = length, .value = machine_.length_slot});
  }

  // What stands behind a check that always fails is no part of the program: the verifier wants none of it.
  void FindReached() {
    for (MachineBlock& block : machine_.blocks) block.live = false;
    std::vector<BlockId> work{kEntry};
    while (!work.empty()) {
      MachineBlock& block = machine_.blocks[At(work.back())];
      work.pop_back();
      if (block.live) continue;
      block.live = true;
      for (BlockId next : {block.yes, block.no}) {
        if (next >= kEntry) work.push_back(next);
      }
    }
  }

  // --- direct access ---

  void Direct(BlockId id) {
    now_ = advances_.at_entry[At(id)];
    const std::vector<PlannedCheck>& checks = bounds_.checks[At(id)];
    std::vector<bool> made(checks.size());
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (checks[i].base == 0) made[i] = true;
      if (checks[i].base == 0 && !CheckHere(id, i)) return Fails(id);
    }
    for (ValueId value : graph_.block(id).values) {
      const Value& one = graph_.value(value);
      if (one.kind == Value::Kind::kLoad && one.a != kNone) {
        const int base = bounds_.BaseOf(dominators_, one.a, id);
        for (std::size_t i = 0; i < checks.size(); ++i) {
          if (checks[i].base != base || made[i]) continue;
          made[i] = true;
          if (!CheckHere(id, i)) return Fails(id);
        }
      }
      Compute(id, value);
    }
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (!made[i] && !CheckHere(id, i)) return Fails(id);
    }
    End(id);
  }

  void Fails(BlockId id) {
    Emit({.kind = Kind::kFail, .fail = ShortFail()});
    machine_.blocks[At(id)].yes = machine_.blocks[At(id)].no = kReject;
  }

  Fail ShortFail() const { return options_.target == FilterTarget::kXdp ? Fail::kNoMatch : Fail::kShort; }

  // False where the packet can never reach.
  bool CheckHere(BlockId id, std::size_t which) {
    const PlannedCheck& check = bounds_.checks[At(id)][which];
    const Base& base = bounds_.bases[static_cast<std::size_t>(check.base)];
    if (!base.CanPass(check.end)) return false;
    const std::int64_t limit = kMaxPacketOffset - static_cast<std::int64_t>(base.largest_end);
    std::int64_t& now = now_[static_cast<std::size_t>(check.base)];
    Register& pointer = of_base_[static_cast<std::size_t>(check.base)];
    if (check.base == 0) {
      pointer = options_.registers.packet;
    } else if (base.block == id) {
      pointer = machine_.New();
      now = now_[0];
      const bool limited = verified_[At(base.index)].max > static_cast<std::uint64_t>(limit);
      Emit({.kind = Kind::kPointer,
            .fail = ShortFail(),
            .limited = limited,
            .to = pointer,
            .from = RegisterOf(base.index),
            .value = static_cast<std::int32_t>(limit)});
    }
    const auto further = static_cast<std::int32_t>(static_cast<std::int64_t>(check.end) - now);
    if (advances_.moves[At(id)][which]) {
      Emit({.kind = Kind::kCheck, .fail = ShortFail(), .to = pointer, .value = further});
      now = static_cast<std::int64_t>(check.end);
    } else {
      Emit({.kind = Kind::kCheckCopy,
            .fail = ShortFail(),
            .to = machine_.New(),
            .from = pointer,
            .value = further});
    }
    return true;
  }

  void LoadDirect(BlockId id, const Value& value, Register to) {
    const int base = bounds_.BaseOf(dominators_, value.a, id);
    // Only behind a check that always fails: never reached.
    if (base < 0) return MoveConstant(to, 0);
    Register pointer = base == 0 ? options_.registers.packet : of_base_[static_cast<std::size_t>(base)];
    std::int64_t offset = static_cast<std::int64_t>(value.constant) - now_[static_cast<std::size_t>(base)];
    if (offset < std::numeric_limits<std::int16_t>::min() ||
        offset > std::numeric_limits<std::int16_t>::max()) {
      const Register moved = machine_.New();
      Move(moved, pointer);
      Emit({.kind = Kind::kAlu, .op = AluOp::kAdd, .to = moved, .value = static_cast<std::int32_t>(offset)});
      pointer = moved;
      offset = 0;
    }
    Emit({.kind = Kind::kLoad,
          .size = SizeOf(value.size),
          .to = to,
          .from = pointer,
          .value = static_cast<std::int32_t>(offset)});
  }

  // --- access by helpers ---

  void ByHelper(BlockId id) {
    const std::vector<PlannedCheck>& checks = bounds_.checks[At(id)];
    std::vector<bool> made(checks.size());
    const auto check_here = [&](std::size_t i) {
      made[i] = true;
      if (checks[i].end > kMaxHelperOffset) return false;
      const ValueId index = bounds_.bases[static_cast<std::size_t>(checks[i].base)].index;
      Emit({.kind = Kind::kCheckLength,
            .to = machine_.New(),
            .from = index == kNone ? kNoRegister : RegisterOf(index),
            .value = static_cast<std::int32_t>(checks[i].end)});
      return true;
    };
    const auto fails = [&] {
      Emit({.kind = Kind::kFail});
      machine_.blocks[At(id)].yes = machine_.blocks[At(id)].no = kReject;
    };
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (checks[i].base == 0 && !check_here(i)) return fails();
    }
    for (ValueId value : graph_.block(id).values) {
      const Value& one = graph_.value(value);
      for (std::size_t i = 0; i < checks.size() && one.kind == Value::Kind::kLoad; ++i) {
        if (!made[i] && bounds_.bases[static_cast<std::size_t>(checks[i].base)].index == one.a &&
            !check_here(i))
          return fails();
      }
      Compute(id, value);
    }
    for (std::size_t i = 0; i < checks.size(); ++i) {
      if (!made[i] && !check_here(i)) return fails();
    }
    End(id);
  }

  void LoadByHelper(const Value& value, Register to) {
    machine_.buffer = true;
    Emit({.kind = Kind::kReadHelper,
          .size = SizeOf(value.size),
          .to = to,
          .from = value.a == kNone ? kNoRegister : RegisterOf(value.a),
          .value = static_cast<std::int32_t>(value.constant)});
  }

  // --- values ---

  void Compute(BlockId id, ValueId value_id) {
    const Value& value = graph_.value(value_id);
    const Register to = RegisterOf(value_id);
    switch (value.kind) {
      case Value::Kind::kLoad:
        if (direct_) {
          LoadDirect(id, value, to);
        } else {
          LoadByHelper(value, to);
        }
        if (value.size > 1 && network_[At(value_id)] == 0)
          Emit({.kind = Kind::kSwap, .to = to, .value = 8 * value.size});
        return;
      case Value::Kind::kLength:
        return ComputeLength(to);
      case Value::Kind::kAncillary:
        return ComputeAncillary(value, to);
      default:
        return ComputeAlu(value_id, value, to);
    }
  }

  void ComputeLength(Register to) {
    if (!direct_ || IsSkb(options_.target)) {
      Emit({.kind = Kind::kWireLength, .to = to});
    } else if (options_.target == FilterTarget::kXdp) {
      Emit({.kind = Kind::kLength, .to = to, .value = static_cast<std::int32_t>(now_[0])});
    } else {
      Emit({.kind = Kind::kHelper, .limited = true, .to = to, .value = BPF_FUNC_xdp_get_buff_len});
    }
  }

  void ComputeAncillary(const Value& value, Register to) {
    const AncillaryRead read = ReadOf(value.constant, options_.target);
    if (read.by_helper) {
      Emit({.kind = Kind::kHelper, .to = to, .value = static_cast<std::int32_t>(read.helper)});
      return;
    }
    Emit({.kind = Kind::kContext, .size = Size::kWord, .to = to, .value = read.offset});
    if (read.big_endian_half) Emit({.kind = Kind::kSwap, .to = to, .value = 16});
  }

  void ComputeAlu(ValueId id, const Value& value, Register to) {
    if (graph_.IsConstant(value.a)) {
      MoveConstant(to, graph_.value(value.a).constant);
    } else {
      Move(to, RegisterOf(value.a));
    }
    const Facts a = FactsOf(value.a), b = FactsOf(value.b);
    if (!graph_.IsConstant(value.b)) {
      const bool shifts = value.op == AluOp::kLeft || value.op == AluOp::kRight;
      Emit({.kind = shifts && b.max > 31 ? Kind::kShift : Kind::kAlu,
            .op = value.op,
            .width = FitsWide(value.op, a, b) && !(shifts && b.max > 31) ? Width::k64 : Width::k32,
            .to = to,
            .from = RegisterOf(value.b)});
      return;
    }
    std::uint32_t constant = graph_.value(value.b).constant;
    if (value.op == AluOp::kAnd) constant = Swapped(constant, network_[At(id)]);
    bool wide = FitsWide(value.op, a, b);
    if (constant > 0x7fffffffU) {
      // It is extended by its sign: right where the upper half of the other is 0 or the sum is a difference.
      wide = value.op == AluOp::kAnd || (value.op == AluOp::kAdd && a.min >= 0 - constant);
    }
    Emit({.kind = Kind::kAlu,
          .op = value.op,
          .width = wide ? Width::k64 : Width::k32,
          .to = to,
          .value = static_cast<std::int32_t>(constant)});
  }

  // --- control ---

  void End(BlockId id) {
    const Block& block = graph_.block(id);
    MachineBlock& machine_block = machine_.blocks[At(id)];
    machine_block.yes = block.yes;
    machine_block.no = block.no;
    if (!block.branches()) return;
    machine_block.condition = block.condition;
    machine_block.a = RegisterOf(block.a);
    if (!graph_.IsConstant(block.b)) {
      machine_block.b = RegisterOf(block.b);
      return;
    }
    const std::uint32_t constant = Swapped(graph_.value(block.b).constant, network_[At(block.a)]);
    machine_block.value = static_cast<std::int32_t>(constant);
    if (constant > 0x7fffffffU && block.condition != Cond::kBits) machine_block.width = Width::k32;
  }

  const Graph& graph_;
  const std::vector<BlockId>& dominators_;
  const BoundsPlan& bounds_;
  const SelectOptions& options_;
  const bool direct_;
  const std::vector<Facts> facts_, verified_;
  const std::vector<std::uint8_t> network_;
  AdvancePlan advances_;
  std::vector<Register> of_value_, of_base_;
  std::vector<std::int64_t> now_;  // where each base's pointer points
  std::vector<Instruction>* code_ = nullptr;
  Machine machine_;
};

}  // namespace

Machine Select(const Graph& graph, const std::vector<BlockId>& dominators, const BoundsPlan& bounds,
               const SelectOptions& options) {
  return Selector(graph, dominators, bounds, options).Run();
}

}  // namespace knetlab::filter
