// SPDX-License-Identifier: Apache-2.0
// The parts of `topology:` that use what namespaces, links and bridges declare.
#pragma once

#include "harness/scenario/reader_context.h"

namespace knetlab {

// routes, rules, neighbours, qdiscs. Throws Error.
void ReadNetworkSections(const Fields& topology, const ReadContext& context, TopologySpec& spec);

}  // namespace knetlab
