// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/needs.h"

#include <vector>

#include "harness/filter/ancillary.h"

namespace knetlab::filter {
namespace {

template <typename Test>
bool AnyValue(const Graph& graph, Test test) {
  for (BlockId block : graph.Order()) {
    for (ValueId id : graph.block(block).values) {
      if (test(graph.value(id))) return true;
    }
  }
  return false;
}

}  // namespace

bool NeedsCalls(const Graph& graph, FilterTarget target) {
  return AnyValue(graph, [target](const Value& value) {
    if (value.kind == Value::Kind::kLength) return target == FilterTarget::kXdpFrags;
    return value.kind == Value::Kind::kAncillary && ReadOf(value.constant, target).by_helper;
  });
}

bool ReadsContext(const Graph& graph, FilterTarget target) {
  return AnyValue(graph, [target](const Value& value) {
    return value.kind == Value::Kind::kAncillary ||
           (value.kind == Value::Kind::kLength && target != FilterTarget::kXdp);
  });
}

bool HasLoops(const Graph& graph) {
  const std::vector<BlockId> order = graph.Order();
  std::vector<bool> seen(static_cast<std::size_t>(graph.blocks()));
  for (BlockId id : order) {
    seen[static_cast<std::size_t>(id)] = true;
    for (BlockId to : {graph.block(id).yes, graph.block(id).no}) {
      if (to >= kEntry && seen[static_cast<std::size_t>(to)]) return true;
    }
  }
  return false;
}

}  // namespace knetlab::filter
