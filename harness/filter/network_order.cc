// SPDX-License-Identifier: Apache-2.0
// A value that is only compared for equality, tested for bits and masked needs no byte swap: the constants
// are swapped instead.
#include <algorithm>

#include "harness/filter/select.h"

namespace knetlab::filter {
namespace {

// How many bytes a value could be kept in, by what it is: a wide load, or a mask of one.
std::uint8_t CandidateSize(const Graph& graph, const std::vector<std::uint8_t>& sizes, ValueId id) {
  const Value& value = graph.value(id);
  if (value.kind == Value::Kind::kLoad && value.size > 1) return value.size;
  if (value.kind == Value::Kind::kAlu && value.op == AluOp::kAnd && graph.IsConstant(value.b))
    return sizes[At(value.a)];
  return 0;
}

}  // namespace

std::vector<std::uint8_t> FindNetworkOrder(const Graph& graph) {
  std::vector<std::uint8_t> sizes(At(graph.values()));
  const std::vector<BlockId> order = graph.Order();
  for (BlockId block : order) {
    for (ValueId id : graph.block(block).values) sizes[At(id)] = CandidateSize(graph, sizes, id);
  }
  // Then what is used otherwise is taken back, until nothing more is.
  bool changed = true;
  const auto host = [&](ValueId id) {
    if (id == kNone || sizes[At(id)] == 0) return;
    sizes[At(id)] = 0;
    changed = true;
  };
  while (changed) {
    changed = false;
    for (BlockId id : order) {
      const Block& block = graph.block(id);
      for (const Check& check : block.checks) host(check.index);
      for (ValueId phi : block.phis) {
        for (ValueId input : graph.value(phi).inputs) host(input);
      }
      for (ValueId one : block.values) {
        const Value& value = graph.value(one);
        const bool mask =
            value.kind == Value::Kind::kAlu && value.op == AluOp::kAnd && graph.IsConstant(value.b);
        if (mask && sizes[At(one)] != 0) continue;
        if (mask && sizes[At(value.a)] != 0 && sizes[At(one)] == 0) {
          host(value.a);
          continue;
        }
        if (mask) continue;
        host(value.a);
        host(value.b);
      }
      // A mask of what is in the CPU's order is so, too.
      for (ValueId one : block.values) {
        const Value& value = graph.value(one);
        if (value.kind == Value::Kind::kAlu && sizes[At(one)] != 0 && sizes[At(value.a)] == 0) host(one);
      }
      if (!block.branches()) continue;
      const bool by_bits = block.condition == Cond::kEqual || block.condition == Cond::kBits;
      if (by_bits && graph.IsConstant(block.b)) continue;
      if (block.condition == Cond::kEqual && sizes[At(block.a)] == sizes[At(block.b)]) continue;
      host(block.a);
      host(block.b);
    }
  }
  return sizes;
}

}  // namespace knetlab::filter
