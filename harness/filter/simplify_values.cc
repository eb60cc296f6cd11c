// SPDX-License-Identifier: Apache-2.0
// Arithmetic: constants folded, operations joined, loads narrowed to the bytes that a mask or a shift leaves.
#include <bit>
#include <utility>

#include "harness/filter/simplify.h"

namespace knetlab::filter {
namespace {

std::uint32_t Computed(AluOp op, std::uint32_t a, std::uint32_t b) {
  switch (op) {
    case AluOp::kAdd:
      return a + b;
    case AluOp::kSub:
      return a - b;
    case AluOp::kMul:
      return a * b;
    case AluOp::kDiv:
      return b == 0 ? 0 : a / b;
    case AluOp::kMod:
      return b == 0 ? 0 : a % b;
    case AluOp::kAnd:
      return a & b;
    case AluOp::kOr:
      return a | b;
    case AluOp::kXor:
      return a ^ b;
    case AluOp::kLeft:
      return b < 32 ? a << b : 0;
    default:
      return b < 32 ? a >> b : 0;
  }
}

bool Commutes(AluOp op) {
  return op == AluOp::kAdd || op == AluOp::kMul || op == AluOp::kAnd || op == AluOp::kOr || op == AluOp::kXor;
}

class Simplifier {
 public:
  Simplifier(Graph& graph, const std::vector<Facts>& facts) : graph_(graph), facts_(facts) {}

  bool Run() {
    for (BlockId block : graph_.Order()) {
      const std::vector<ValueId> values = graph_.block(block).values;  // grows meanwhile
      for (ValueId id : values) {
        if (graph_.value(id).kind == Value::Kind::kAlu) Alu(id);
      }
    }
    return changed_;
  }

 private:
  bool IsAlu(ValueId id, AluOp op) const {
    const Value& value = graph_.value(id);
    return value.kind == Value::Kind::kAlu && value.op == op;
  }
  // An operation whose right side is a constant.
  bool IsAluWithConstant(ValueId id, AluOp op, std::uint32_t& constant) const {
    if (!IsAlu(id, op) || !graph_.IsConstant(graph_.value(id).b)) return false;
    constant = graph_.value(graph_.value(id).b).constant;
    return true;
  }
  Facts FactsOf(ValueId id) const {
    return static_cast<std::size_t>(id) < facts_.size() ? facts_[static_cast<std::size_t>(id)] : Facts{};
  }
  void Become(ValueId id, ValueId other) {
    graph_.Replace(id, other);
    changed_ = true;
  }
  void Become(ValueId id, std::uint32_t constant) { Become(id, graph_.Constant(constant)); }
  void Become(ValueId id, AluOp op, ValueId a, std::uint32_t constant) {
    const ValueId b = graph_.Constant(constant);
    Value& value = graph_.value(id);
    if (value.op == op && value.a == a && value.b == b) return;
    value.op = op;
    value.a = a;
    value.b = b;
    changed_ = true;
  }
  ValueId Before(ValueId id, Value value) {
    return graph_.Insert(graph_.value(id).block, id, std::move(value));
  }

  void Alu(ValueId id) {
    graph_.value(id).a = graph_.Resolve(graph_.value(id).a);
    graph_.value(id).b = graph_.Resolve(graph_.value(id).b);
    Value& value = graph_.value(id);
    if (graph_.IsConstant(value.a) && !graph_.IsConstant(value.b) && Commutes(value.op)) {
      std::swap(value.a, value.b);
      changed_ = true;
    }
    const Facts known = FactsOf(id);
    if (known.min == known.max) return Become(id, known.min);
    if (value.a == value.b) {
      if (value.op == AluOp::kSub || value.op == AluOp::kXor) return Become(id, 0U);
      if (value.op == AluOp::kAnd || value.op == AluOp::kOr) return Become(id, value.a);
    }
    if (!graph_.IsConstant(value.b)) return;
    const std::uint32_t constant = graph_.value(value.b).constant;
    if (graph_.IsConstant(value.a))
      return Become(id, Computed(value.op, graph_.value(value.a).constant, constant));
    const ValueId a = value.a;
    switch (value.op) {
      case AluOp::kSub:
        return Become(id, AluOp::kAdd, a, 0 - constant);
      case AluOp::kAdd:
        return Add(id, a, constant);
      case AluOp::kMul:
        if (constant == 0) return Become(id, 0U);
        if (std::has_single_bit(constant))
          return Become(id, AluOp::kLeft, a, static_cast<std::uint32_t>(std::countr_zero(constant)));
        return;
      case AluOp::kDiv:
        if (std::has_single_bit(constant))
          return Become(id, AluOp::kRight, a, static_cast<std::uint32_t>(std::countr_zero(constant)));
        return;
      case AluOp::kMod:
        if (std::has_single_bit(constant)) return Become(id, AluOp::kAnd, a, constant - 1);
        return;
      case AluOp::kAnd:
        return And(id, a, constant);
      case AluOp::kOr:
      case AluOp::kXor:
        if (constant == 0) return Become(id, a);
        return;
      case AluOp::kLeft:
        return Left(id, a, constant);
      case AluOp::kRight:
        return Right(id, a, constant);
      default:
        return;
    }
  }

  void Add(ValueId id, ValueId a, std::uint32_t constant) {
    if (constant == 0) return Become(id, a);
    std::uint32_t inner = 0;
    if (IsAluWithConstant(a, AluOp::kAdd, inner))
      Become(id, AluOp::kAdd, graph_.value(a).a, inner + constant);
  }

  void And(ValueId id, ValueId a, std::uint32_t mask) {
    const std::uint32_t bits = FactsOf(a).bits;
    if ((mask & bits) == bits) return Become(id, a);
    if ((mask & bits) != mask) return Become(id, AluOp::kAnd, a, mask & bits);
    std::uint32_t inner = 0;
    if (IsAluWithConstant(a, AluOp::kAnd, inner))
      return Become(id, AluOp::kAnd, graph_.value(a).a, inner & mask);
    if (graph_.value(a).kind == Value::Kind::kLoad) NarrowMasked(id, a, mask);
  }

  // A mask that leaves but some of the bytes that were loaded: those alone are loaded.
  void NarrowMasked(ValueId id, ValueId load_id, std::uint32_t mask) {
    const Value load = graph_.value(load_id);
    for (std::uint8_t size = 1; size < load.size; size = static_cast<std::uint8_t>(2 * size)) {
      // A half word only where it lies on the word's halves: there are no others in what libpcap writes.
      for (int byte = 0; byte < load.size; byte += size) {
        const int shift = 8 * (load.size - byte - size);
        const std::uint32_t window = ((1U << (8 * size)) - 1) << shift;
        if ((mask & ~window) != 0) continue;
        const ValueId narrow = Before(id, {.kind = Value::Kind::kLoad,
                                           .size = size,
                                           .constant = load.constant + static_cast<std::uint32_t>(byte),
                                           .a = load.a});
        ValueId masked = narrow;
        if (mask != window) {
          masked = Before(id, {.kind = Value::Kind::kAlu,
                               .op = AluOp::kAnd,
                               .a = narrow,
                               .b = graph_.Constant(mask >> shift)});
        }
        if (shift == 0) return Become(id, masked);
        return Become(id, AluOp::kLeft, masked, static_cast<std::uint32_t>(shift));
      }
    }
  }

  void Left(ValueId id, ValueId a, std::uint32_t by) {
    if (by == 0) return Become(id, a);
    if (by >= 32) return Become(id, 0U);
    std::uint32_t inner = 0;
    if (IsAluWithConstant(a, AluOp::kLeft, inner) && inner < 32)
      return Become(id, AluOp::kLeft, graph_.value(a).a, inner + by);
    if (!IsAluWithConstant(a, AluOp::kRight, inner) || inner >= 32) return;
    const ValueId base = graph_.value(a).a;
    if ((FactsOf(base).bits & ((1U << inner) - 1)) != 0) return;
    if (inner == by) return Become(id, base);
    if (inner > by) return Become(id, AluOp::kRight, base, inner - by);
    Become(id, AluOp::kLeft, base, by - inner);
  }

  void Right(ValueId id, ValueId a, std::uint32_t by) {
    if (by == 0) return Become(id, a);
    if (by >= 32) return Become(id, 0U);
    std::uint32_t inner = 0;
    if (IsAluWithConstant(a, AluOp::kRight, inner) && inner < 32)
      return Become(id, AluOp::kRight, graph_.value(a).a, inner + by);
    if (IsAluWithConstant(a, AluOp::kAnd, inner)) {
      const ValueId base = graph_.value(a).a;
      if ((FactsOf(base).bits & ~inner & ~((1U << by) - 1)) == 0) return Become(id, AluOp::kRight, base, by);
    }
    if (IsAluWithConstant(a, AluOp::kLeft, inner) && inner < 32) {
      const ValueId base = graph_.value(a).a;
      if ((std::uint64_t{FactsOf(base).max} << inner) > 0xffffffffU) return;
      if (inner == by) return Become(id, base);
      if (inner > by) return Become(id, AluOp::kLeft, base, inner - by);
      return Become(id, AluOp::kRight, base, by - inner);
    }
    const Value load = graph_.value(a);
    if (load.kind != Value::Kind::kLoad || by % 8 != 0) return;
    const std::uint32_t left = load.size - by / 8;
    if (left != 1 && left != 2) return;
    Become(id, Before(id, {.kind = Value::Kind::kLoad,
                           .size = static_cast<std::uint8_t>(left),
                           .constant = load.constant,
                           .a = load.a}));
  }

  Graph& graph_;
  const std::vector<Facts>& facts_;
  bool changed_ = false;
};

}  // namespace

bool SimplifyValues(Graph& graph, const std::vector<Facts>& facts) {
  return Simplifier(graph, facts).Run();
}

}  // namespace knetlab::filter
