// SPDX-License-Identifier: Apache-2.0
// What happens on the way from one block to the next: phis become moves, and jumps back are counted.
#pragma once

#include <functional>

#include "harness/filter/graph.h"
#include "harness/filter/machine.h"

namespace knetlab::filter {

// A jump back is taken at most so often for one packet: a header of the kind that such loops walk has at
// least 8 bytes, and the verifier follows every round.
inline constexpr std::int32_t kMaxJumpsBack = 512;

// Adds to the blocks of a machine, which has those of the graph and may already leave ways out; where a block
// goes two ways, moves get a block of their own.
void ConnectBlocks(const Graph& graph, const std::function<Register(ValueId)>& register_of, Machine& machine);

// to = value.
Instruction MoveOf(Register to, std::uint32_t value);
Instruction MoveOf(Register to, Register from);

}  // namespace knetlab::filter
