// SPDX-License-Identifier: Apache-2.0
// Where a program compares the packet's length, so that as few comparisons as possible do, and none rejects a
// packet that would have matched.
//
// A block's check may ask for more than the block itself reads: for what every way from there to a match
// needs. No more than that, since a packet that is too short for one way may match on another.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/filter/graph.h"

namespace knetlab::filter {

// The verifier lets no pointer into a packet be compared beyond this.
inline constexpr std::int64_t kMaxPacketOffset = 0xffff;
// Half of it is for the index, half for what is read from there on: were one read far behind an index, the
// pointer that it shares with nearer ones could be compared for small indices only. No linear part is as
// long.
inline constexpr std::int64_t kMaxBehindIndex = 0x7fff;

// A check that a block really makes, first of all: the packet reaches to `end` behind the index.
struct PlannedCheck {
  int base = 0;  // of BoundsPlan::bases
  std::uint64_t end = 0;
};

// What offsets are counted from: the packet's beginning, or an index, from the block on where it is first
// needed. Where no one block is on all ways to the loads by an index, it has several bases.
struct Base {
  ValueId index = kNone;
  BlockId block = kEntry;
  std::uint64_t largest_end = 0;  // of all checks that a linear part can pass

  // Whether a linear part can be as long as a check of this base asks for.
  bool CanPass(std::uint64_t end) const {
    return end <= static_cast<std::uint64_t>(index == kNone ? kMaxPacketOffset : kMaxBehindIndex);
  }
};

struct BoundsPlan {
  std::vector<Base> bases;                        // [0]: the packet's beginning
  std::vector<std::vector<PlannedCheck>> checks;  // of each block, that of base 0 first
  std::vector<std::vector<int>> bases_of;  // by index: its bases; shorter where the last ones have none
  // The base for an index in a block.
  int BaseOf(const std::vector<BlockId>& dominators, ValueId index, BlockId block) const;
};

// Removes what cannot lead to a match, then plans. `dominators` are those of the graph afterwards.
BoundsPlan PlanBounds(Graph& graph, std::vector<BlockId>& dominators);

}  // namespace knetlab::filter
