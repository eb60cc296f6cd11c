// SPDX-License-Identifier: Apache-2.0
// From a planned graph to eBPF instructions whose registers are still open: which loads stay in network
// order, which operations take 64 bits, where pointers are made and compared.
#pragma once

#include "harness/filter/advance.h"
#include "harness/filter/bounds.h"
#include "harness/filter/compile.h"
#include "harness/filter/graph.h"
#include "harness/filter/machine.h"

namespace knetlab::filter {

enum class Access {
  kDirect,  // between packet and end
  kHelper   // by bpf_skb_load_bytes or bpf_xdp_load_bytes, wherever the bytes are
};

struct SelectOptions {
  FilterTarget target = FilterTarget::kXdp;
  Access access = Access::kDirect;
  Registers registers{};
};

Machine Select(const Graph& graph, const std::vector<BlockId>& dominators, const BoundsPlan& bounds,
               const SelectOptions& options);

// Which values can stay in network order: of each value the bytes it was loaded with, 0 where it must be in
// the CPU's order.
std::vector<std::uint8_t> FindNetworkOrder(const Graph& graph);

}  // namespace knetlab::filter
