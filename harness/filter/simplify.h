// SPDX-License-Identifier: Apache-2.0
// Makes a graph smaller without changing what it decides: constants, known bits, narrower loads, conditions
// on what a value was made of, values computed twice, branches that one before has decided.
#pragma once

#include <vector>

#include "harness/filter/facts.h"
#include "harness/filter/graph.h"

namespace knetlab::filter {

void Simplify(Graph& graph);  // until nothing changes

// The parts; each is true where it changed something. `facts` must be of the graph as it is.
bool SimplifyValues(Graph& graph, const std::vector<Facts>& facts);
bool SimplifyConditions(Graph& graph, const std::vector<Facts>& facts);
bool SimplifyChecks(Graph& graph, const std::vector<Facts>& facts);
bool NumberValues(Graph& graph);
bool FoldDecidedBranches(Graph& graph);

}  // namespace knetlab::filter
