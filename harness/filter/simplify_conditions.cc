// SPDX-License-Identifier: Apache-2.0
// Conditions: decided where what is known decides them, and moved from a computed value to what it was
// computed from. A test for equality or of bits is worth more than a comparison: it needs no byte order.
#include <algorithm>
#include <bit>
#include <utility>

#include "harness/filter/simplify.h"

namespace knetlab::filter {
namespace {

enum class Known { kYes, kNo, kOpen };

Known Decide(Cond condition, const Facts& a, const Facts& b) {
  switch (condition) {
    case Cond::kEqual:
      if (a.min == a.max && b.min == b.max && a.min == b.min) return Known::kYes;
      if (a.max < b.min || a.min > b.max) return Known::kNo;
      if (b.min == b.max && (b.min & ~a.bits) != 0) return Known::kNo;
      return Known::kOpen;
    case Cond::kGreater:
      return a.min > b.max ? Known::kYes : a.max <= b.min ? Known::kNo : Known::kOpen;
    case Cond::kGreaterEqual:
      return a.min >= b.max ? Known::kYes : a.max < b.min ? Known::kNo : Known::kOpen;
    default:
      if ((a.bits & b.bits) == 0) return Known::kNo;
      if (a.min == a.max && b.min == b.max) return Known::kYes;
      return Known::kOpen;
  }
}

class Conditions {
 public:
  Conditions(Graph& graph, const std::vector<Facts>& facts) : graph_(graph), facts_(facts) {}

  bool Run() {
    bool changed = false;
    for (BlockId id : graph_.Order()) {
      // A step may make another one possible.
      while (graph_.block(id).branches() && Step(graph_.block(id))) changed = true;
    }
    return changed;
  }

 private:
  const Facts& FactsOf(ValueId id) const {
    static const Facts kNothing;
    return static_cast<std::size_t>(id) < facts_.size() ? facts_[static_cast<std::size_t>(id)] : kNothing;
  }
  Facts Of(ValueId id) const {
    if (!graph_.IsConstant(id)) return FactsOf(id);
    const std::uint32_t value = graph_.value(id).constant;
    return {value, value, value};
  }
  bool Set(Block& block, Cond condition, ValueId a, std::uint32_t b) {
    block.condition = condition;
    block.a = a;
    block.b = graph_.Constant(b);
    return true;
  }
  bool SetOpposite(Block& block, Cond condition, ValueId a, std::uint32_t b) {
    std::swap(block.yes, block.no);
    return Set(block, condition, a, b);
  }

  // Goes where the answer says; the way that is not taken is cut by the block's preds.
  bool Decided(Block& block, bool yes) {
    const BlockId taken = yes ? block.yes : block.no, other = yes ? block.no : block.yes;
    const BlockId self = SelfOf(block);
    Block& cut = graph_.block(other);
    const auto place = std::find(cut.preds.begin(), cut.preds.end(), self);
    for (ValueId phi : cut.phis) {
      std::vector<ValueId>& inputs = graph_.value(phi).inputs;
      inputs.erase(inputs.begin() + (place - cut.preds.begin()));
    }
    cut.preds.erase(place);
    block.yes = block.no = taken;
    return true;
  }
  BlockId SelfOf(const Block& block) const { return static_cast<BlockId>(&block - &graph_.block(0)); }

  bool Step(Block& block) {
    if (graph_.IsConstant(block.a) && !graph_.IsConstant(block.b)) {
      std::swap(block.a, block.b);
      if (block.condition == Cond::kGreater || block.condition == Cond::kGreaterEqual) {
        // c > v is not v >= c, and c >= v is not v > c.
        block.condition = block.condition == Cond::kGreater ? Cond::kGreaterEqual : Cond::kGreater;
        std::swap(block.yes, block.no);
      }
      return true;
    }
    const Facts a = Of(block.a), b = Of(block.b);
    const Known known = block.a == block.b && block.condition != Cond::kBits
                            ? (block.condition == Cond::kGreater ? Known::kNo : Known::kYes)
                            : Decide(block.condition, a, b);
    if (known != Known::kOpen) return Decided(block, known == Known::kYes);
    if (!graph_.IsConstant(block.b)) return false;
    const std::uint32_t constant = graph_.value(block.b).constant;
    switch (block.condition) {
      case Cond::kEqual:
        return Equal(block, constant);
      case Cond::kBits:
        return Bits(block, constant);
      default:
        return Compare(block, constant, a);
    }
  }

  // What the value was computed by, where it was with a constant.
  bool WithConstant(ValueId id, AluOp& op, ValueId& base, std::uint32_t& constant) const {
    const Value& value = graph_.value(id);
    if (value.kind != Value::Kind::kAlu || !graph_.IsConstant(value.b)) return false;
    op = value.op;
    base = value.a;
    constant = graph_.value(value.b).constant;
    return true;
  }
  bool IsWideLoad(ValueId id) const {
    const Value& value = graph_.value(id);
    return value.kind == Value::Kind::kLoad && value.size > 1;
  }

  bool Equal(Block& block, std::uint32_t constant) {
    const Value& value = graph_.value(block.a);
    if (value.kind == Value::Kind::kAlu && value.op == AluOp::kSub && constant == 0) {
      block.b = value.b;
      block.a = value.a;
      return true;
    }
    AluOp op{};
    ValueId base = kNone;
    std::uint32_t with = 0;
    if (!WithConstant(block.a, op, base, with)) return false;
    switch (op) {
      case AluOp::kAdd:
        return Set(block, Cond::kEqual, base, constant - with);
      case AluOp::kXor:
        return Set(block, Cond::kEqual, base, constant ^ with);
      case AluOp::kAnd:
        if (constant == 0) return SetOpposite(block, Cond::kBits, base, with);
        if (constant == with && std::has_single_bit(with)) return Set(block, Cond::kBits, base, with);
        return false;
      case AluOp::kLeft:
        // Known bits have decided where the low ones of the constant are set.
        if (with >= 32 || (std::uint64_t{FactsOf(base).max} << with) > 0xffffffffU) return false;
        return Set(block, Cond::kEqual, base, constant >> with);
      case AluOp::kRight: {
        if (with >= 32 || !IsWideLoad(base) || (constant << with) >> with != constant) return false;
        const BlockId self = SelfOf(block);
        const std::uint32_t mask = FactsOf(base).bits & (0xffffffffU << with);
        const ValueId masked = graph_.Add(
            self, {.kind = Value::Kind::kAlu, .op = AluOp::kAnd, .a = base, .b = graph_.Constant(mask)});
        return Set(graph_.block(self), Cond::kEqual, masked, constant << with);
      }
      default:
        return false;
    }
  }

  bool Bits(Block& block, std::uint32_t mask) {
    const std::uint32_t bits = FactsOf(block.a).bits;
    if ((mask & bits) != mask) return Set(block, Cond::kBits, block.a, mask & bits);
    AluOp op{};
    ValueId base = kNone;
    std::uint32_t with = 0;
    if (WithConstant(block.a, op, base, with)) {
      if (op == AluOp::kAnd) return Set(block, Cond::kBits, base, mask & with);
      if (op == AluOp::kLeft && with < 32) return Set(block, Cond::kBits, base, mask >> with);
      if (op == AluOp::kRight && with < 32 && (mask << with) >> with == mask)
        return Set(block, Cond::kBits, base, mask << with);
    }
    // All bits that it can have: it is not zero. That has an opposite, and a test of bits has none.
    if (mask == bits) return SetOpposite(block, Cond::kEqual, block.a, 0);
    return false;
  }

  bool Compare(Block& block, std::uint32_t constant, const Facts& a) {
    // In the form of "greater".
    if (block.condition == Cond::kGreaterEqual) {
      return Set(block, Cond::kGreater, block.a, constant - 1);  // 0 has been decided
    }
    if (constant == a.min) return SetOpposite(block, Cond::kEqual, block.a, constant);
    if (constant + 1 == a.max) return Set(block, Cond::kEqual, block.a, a.max);
    if (IsWideLoad(block.a) && std::has_single_bit(constant + 1))
      return Set(block, Cond::kBits, block.a, ~constant & a.bits);
    AluOp op{};
    ValueId base = kNone;
    std::uint32_t with = 0;
    if (!WithConstant(block.a, op, base, with) || with >= 32) return false;
    if (op == AluOp::kRight) {
      const std::uint64_t moved = (std::uint64_t{constant} << with) | ((1U << with) - 1);
      if (moved > 0xffffffffU) return false;
      return Set(block, Cond::kGreater, base, static_cast<std::uint32_t>(moved));
    }
    if (op == AluOp::kLeft && (std::uint64_t{FactsOf(base).max} << with) <= 0xffffffffU) {
      return Set(block, Cond::kGreater, base, constant >> with);
    }
    return false;
  }

  Graph& graph_;
  const std::vector<Facts>& facts_;
};

// What the branches before a block have told of a value.
struct Told {
  std::uint32_t min = 0, max = 0xffffffffU, no_bits = 0;
  std::vector<std::uint32_t> not_equal{};
};

void Tell(Told& told, Cond condition, bool held, std::uint32_t constant) {
  if (condition == Cond::kEqual) {
    if (!held) return told.not_equal.push_back(constant);
    told.min = std::max(told.min, constant);
    told.max = std::min(told.max, constant);
  } else if (condition == Cond::kGreater) {
    if (held) {
      told.min = std::max(told.min, constant + 1);
    } else {
      told.max = std::min(told.max, constant);
    }
  } else if (condition == Cond::kBits && !held) {
    told.no_bits |= constant;
  }
}

Known Follows(const Told& told, Cond condition, std::uint32_t constant) {
  const Facts facts{told.min, told.max, ~told.no_bits};
  if (told.min > told.max) return Known::kOpen;  // never reached; leave it alone
  if (condition == Cond::kEqual &&
      std::find(told.not_equal.begin(), told.not_equal.end(), constant) != told.not_equal.end()) {
    return Known::kNo;
  }
  if (condition == Cond::kBits && told.min == told.max)
    return (told.min & constant) != 0 ? Known::kYes : Known::kNo;
  return Decide(condition, facts, {constant, constant, constant});
}

// Branches are looked at as far up as this: a bound on a pathological program's cost.
constexpr int kMaxWalk = 256;

}  // namespace

bool SimplifyConditions(Graph& graph, const std::vector<Facts>& facts) {
  return Conditions(graph, facts).Run();
}

bool FoldDecidedBranches(Graph& graph) {
  const std::vector<BlockId> dominators = graph.Dominators();
  bool changed = false;
  for (BlockId id : graph.Order()) {
    Block& block = graph.block(id);
    if (!block.branches() || !graph.IsConstant(block.b)) continue;
    Told told;
    BlockId below = id;
    for (int walk = 0; walk < kMaxWalk && below != kEntry; ++walk) {
      const BlockId above = dominators[static_cast<std::size_t>(below)];
      const Block& before = graph.block(above);
      if (before.branches() && before.a == block.a && graph.IsConstant(before.b) &&
          graph.block(below).preds.size() == 1) {
        Tell(told, before.condition, before.yes == below, graph.value(before.b).constant);
      }
      below = above;
    }
    const Known known = Follows(told, block.condition, graph.value(block.b).constant);
    if (known == Known::kOpen) continue;
    // As a comparison of constants, which the next round takes away with all that hangs on it.
    block.condition = Cond::kEqual;
    block.a = graph.Constant(0);
    block.b = graph.Constant(known == Known::kYes ? 0 : 1);
    changed = true;
  }
  return changed;
}

}  // namespace knetlab::filter
