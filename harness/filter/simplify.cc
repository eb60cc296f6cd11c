// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/simplify.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace knetlab::filter {
namespace {

// Each round makes the graph smaller or a value simpler; the bound is for what nobody thought of.
constexpr int kMaxRounds = 32;

// The constant that is added to a value, where the sum cannot wrap; the value itself in `base`.
bool SplitSum(const Graph& graph, const std::vector<Facts>& facts, ValueId id, ValueId& base,
              std::uint32_t& added) {
  const Value& value = graph.value(id);
  if (value.kind != Value::Kind::kAlu || value.op != AluOp::kAdd || !graph.IsConstant(value.b)) return false;
  base = value.a;
  added = graph.value(value.b).constant;
  return std::uint64_t{facts[static_cast<std::size_t>(base)].max} + added <= 0xffffffffU;
}

}  // namespace

void Simplify(Graph& graph) {
  for (int round = 0; round < kMaxRounds; ++round) {
    const auto changes = [&graph](auto step) {
      const bool changed = step(graph, FindFacts(graph));
      return graph.Clean() || changed;
    };
    bool changed = changes(SimplifyValues);
    changed |= changes(SimplifyConditions);
    changed |= changes(SimplifyChecks);
    changed |= NumberValues(graph);
    changed |= graph.Clean();
    changed |= FoldDecidedBranches(graph);
    changed |= graph.Clean();
    if (!changed) break;
  }
}

bool SimplifyChecks(Graph& graph, const std::vector<Facts>& facts) {
  bool changed = false;
  for (BlockId id : graph.Order()) {
    std::map<ValueId, std::uint64_t> ends;
    Block& block = graph.block(id);
    for (const Check& check : block.checks) {
      ValueId index = check.index, base = kNone;
      std::uint64_t end = check.end;
      std::uint32_t added = 0;
      if (index != kNone && SplitSum(graph, facts, index, base, added)) {
        index = base;
        end += added;
      }
      if (graph.IsConstant(index)) {
        end += graph.value(index).constant;
        index = kNone;
      }
      std::uint64_t& most = ends[index];
      most = std::max(most, end);
    }
    std::vector<Check> checks;
    checks.reserve(ends.size());
    for (const auto& [index, end] : ends) checks.push_back({index, end});
    const auto same = [](const Check& a, const Check& b) { return a.index == b.index && a.end == b.end; };
    if (!std::equal(checks.begin(), checks.end(), block.checks.begin(), block.checks.end(), same)) {
      block.checks = std::move(checks);
      changed = true;
    }
    // What is loaded, in the same way.
    for (ValueId one : block.values) {
      Value& load = graph.value(one);
      if (load.kind != Value::Kind::kLoad || load.a == kNone) continue;
      ValueId base = load.a;
      std::uint32_t added = 0;
      if (graph.IsConstant(load.a)) {
        added = graph.value(load.a).constant;
        base = kNone;
      } else if (!SplitSum(graph, facts, load.a, base, added)) {
        continue;
      }
      if (std::uint64_t{load.constant} + added > 0xffffffffU)
        continue;  // beyond every packet: its check fails
      load.constant += added;
      load.a = base;
      changed = true;
    }
  }
  return changed;
}

bool NumberValues(Graph& graph) {
  using Key = std::tuple<Value::Kind, AluOp, std::uint8_t, std::uint32_t, ValueId, ValueId>;
  const std::vector<BlockId> dominators = graph.Dominators();
  std::map<Key, std::vector<ValueId>> seen;
  bool changed = false;
  for (BlockId block : graph.Order()) {
    for (ValueId id : graph.block(block).values) {
      const Value& value = graph.value(id);
      if (value.kind == Value::Kind::kAncillary) continue;  // a random number is another one each time
      std::vector<ValueId>& same = seen[Key(value.kind, value.op, value.size, value.constant,
                                            graph.Resolve(value.a), graph.Resolve(value.b))];
      const auto earlier = std::find_if(same.begin(), same.end(), [&](ValueId other) {
        return Dominates(dominators, graph.value(other).block, block);
      });
      if (earlier != same.end()) {
        graph.Replace(id, *earlier);
        changed = true;
      } else {
        same.push_back(id);
      }
    }
  }
  return changed;
}

}  // namespace knetlab::filter
