// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/facts.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace knetlab::filter {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();

// The smallest mask of low bits that holds the value.
std::uint32_t MaskFor(std::uint32_t value) {
  return value == 0 ? 0 : static_cast<std::uint32_t>(kMax >> std::countl_zero(value));
}

// Each of the two halves of what is known may tell more than the other.
Facts Tightened(Facts facts) {
  facts.max = std::min(facts.max, facts.bits);
  facts.bits &= MaskFor(facts.max);
  return facts;
}

Facts Exactly(std::uint32_t value) {
  return {value, value, value};
}

Facts Between(std::uint64_t min, std::uint64_t max) {
  if (max > kMax) return {};
  return Tightened({static_cast<std::uint32_t>(min), static_cast<std::uint32_t>(max),
                    MaskFor(static_cast<std::uint32_t>(max))});
}

// Shifts by a constant.
Facts Shifted(AluOp op, const Facts& a, std::uint32_t by) {
  if (by >= 32) return Exactly(0);
  if (op == AluOp::kRight) return Tightened({a.min >> by, a.max >> by, a.bits >> by});
  const bool fits = (std::uint64_t{a.max} << by) <= kMax;
  return Tightened(
      {fits ? a.min << by : 0, fits ? a.max << by : static_cast<std::uint32_t>(kMax), a.bits << by});
}

Facts OfAlu(AluOp op, const Facts& a, const Facts& b) {
  switch (op) {
    case AluOp::kAdd: {
      const std::uint64_t low = std::uint64_t{a.min} + b.min, high = std::uint64_t{a.max} + b.max;
      // Both ends wrap: what was added is a negative number.
      Facts sum = low > kMax ? Between(low - kMax - 1, high - kMax - 1) : Between(low, high);
      // Where no bit is in both, an addition is an or.
      if ((a.bits & b.bits) == 0) sum.bits &= a.bits | b.bits;
      return Tightened(sum);
    }
    case AluOp::kSub:
      return a.min >= b.max ? Between(a.min - b.max, a.max - b.min) : Facts{};
    case AluOp::kMul:
      return Between(std::uint64_t{a.min} * b.min, std::uint64_t{a.max} * b.max);
    case AluOp::kDiv:
      return Between(b.max == 0 ? 0 : a.min / b.max, a.max / std::max(b.min, 1U));
    case AluOp::kMod:
      return Between(0, std::min(a.max, b.max == 0 ? 0 : b.max - 1));
    case AluOp::kAnd:
      return Tightened({0, std::min(a.max, b.max), a.bits & b.bits});
    case AluOp::kOr:
      return Tightened({std::max(a.min, b.min), a.bits | b.bits, a.bits | b.bits});
    case AluOp::kXor:
      return Tightened({0, a.bits | b.bits, a.bits | b.bits});
    case AluOp::kLeft:
    case AluOp::kRight:
      if (b.min == b.max) return Shifted(op, a, b.min);
      return op == AluOp::kRight ? Between(0, a.max) : Facts{};
    default:
      return {};
  }
}

Facts OfPhi(const Value& phi, const std::vector<Facts>& facts, const std::vector<bool>& known) {
  Facts all{static_cast<std::uint32_t>(kMax), 0, 0};
  for (ValueId input : phi.inputs) {
    if (!known[static_cast<std::size_t>(input)]) return {};
    const Facts& one = facts[static_cast<std::size_t>(input)];
    all = {std::min(all.min, one.min), std::max(all.max, one.max), all.bits | one.bits};
  }
  return all;
}

bool VerifierFollows(const Graph& graph, const Value& value) {
  if (value.kind == Value::Kind::kLoad) return value.size == 1;
  if (value.kind != Value::Kind::kAlu) return false;
  // A shift by a register that may hold 32 and more leaves it with nothing.
  if (value.op == AluOp::kLeft || value.op == AluOp::kRight) return graph.IsConstant(value.b);
  return value.op == AluOp::kAdd || value.op == AluOp::kAnd;
}

std::vector<Facts> Find(const Graph& graph, bool as_verifier) {
  std::vector<Facts> facts(static_cast<std::size_t>(graph.values()));
  std::vector<bool> known(facts.size());
  const auto set = [&](ValueId id, const Facts& of) {
    facts[static_cast<std::size_t>(id)] = of;
    known[static_cast<std::size_t>(id)] = true;
  };
  for (ValueId id = 0; id < graph.values(); ++id) {
    if (graph.IsConstant(id)) set(id, Exactly(graph.value(id).constant));
  }
  for (BlockId block : graph.Order()) {
    for (ValueId id : graph.block(block).phis) set(id, OfPhi(graph.value(id), facts, known));
    for (ValueId id : graph.block(block).values) {
      const Value& value = graph.value(id);
      if (as_verifier && !VerifierFollows(graph, value)) {
        set(id, {});
      } else if (value.kind == Value::Kind::kLoad) {
        set(id, Between(0, value.size == 4 ? kMax : value.size == 2 ? 0xffff : 0xff));
      } else if (value.kind == Value::Kind::kAlu) {
        set(id, OfAlu(value.op, facts[static_cast<std::size_t>(value.a)],
                      facts[static_cast<std::size_t>(value.b)]));
      } else {
        set(id, {});
      }
    }
  }
  return facts;
}

}  // namespace

std::vector<Facts> FindFacts(const Graph& graph) {
  return Find(graph, false);
}

std::vector<Facts> FindVerifierFacts(const Graph& graph) {
  return Find(graph, true);
}

}  // namespace knetlab::filter
