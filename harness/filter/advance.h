// SPDX-License-Identifier: Apache-2.0
// Where pointers into the packet point. A check that moves the pointer itself is one instruction shorter than
// one that compares a moved copy, and later loads count from where it points then. That needs the pointer to
// point to the same place on all ways to a block: where it would not, checks compare copies.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/filter/bounds.h"
#include "harness/filter/graph.h"

namespace knetlab::filter {

struct AdvancePlan {
  // Of each block and base: how far from its origin the pointer points at the block's beginning.
  std::vector<std::vector<std::int64_t>> at_entry;
  // Of each block, for each of its planned checks: whether the pointer itself moves.
  std::vector<std::vector<bool>> moves;
};

AdvancePlan PlanAdvances(const Graph& graph, const std::vector<BlockId>& dominators,
                         const BoundsPlan& bounds);

}  // namespace knetlab::filter
