// SPDX-License-Identifier: Apache-2.0
// Numbered families: an entry with ranges such as `server[1..3]` in any of its texts stands for several
// entries. All ranges of an entry are counted in step, so they must have the same length:
// `client:eth[1..3] 10.0.[1..3].1/24`.
#pragma once

#include <vector>

#include "harness/scenario/yaml_node.h"

namespace knetlab {

constexpr std::size_t kMaxFamily = 4096;

// The entry itself where it has no range. The copies keep the marks of the original. Throws Error.
std::vector<Node> ExpandFamilies(const Node& entry);
std::vector<Entry> ExpandFamilies(const Entry& entry);

// Of all entries, one after another.
std::vector<Node> ExpandedItems(const Node& list, std::string_view expected);
std::vector<Entry> ExpandedEntries(const Node& map, std::string_view expected);

}  // namespace knetlab
