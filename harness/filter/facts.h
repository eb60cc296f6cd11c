// SPDX-License-Identifier: Apache-2.0
// What is known of a value whatever the packet holds: its smallest and largest value, and which bits can be
// set.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/filter/graph.h"

namespace knetlab::filter {

struct Facts {
  std::uint32_t min = 0, max = 0xffffffffU;
  std::uint32_t bits = 0xffffffffU;  // a bit that is 0 here is 0 in the value
};

// Of all values, by their ids. Phis of loops: nothing is known.
std::vector<Facts> FindFacts(const Graph& graph);

// The same as far as the verifier of Linux 5.10 follows it: it knows nothing of a value whose bytes were
// swapped, nor of quotients, differences and the like.
std::vector<Facts> FindVerifierFacts(const Graph& graph);

}  // namespace knetlab::filter
