// SPDX-License-Identifier: Apache-2.0
// What a filter needs of the machine, before instructions are chosen.
#pragma once

#include "harness/filter/compile.h"
#include "harness/filter/graph.h"

namespace knetlab::filter {

// Whether direct access needs registers that calls keep.
bool NeedsCalls(const Graph& graph, FilterTarget target);
// Whether it reads from the context besides where the packet lies.
bool ReadsContext(const Graph& graph, FilterTarget target);
bool HasLoops(const Graph& graph);

}  // namespace knetlab::filter
