// SPDX-License-Identifier: Apache-2.0
// `include:`: the files that a scenario shares with others, merged into one tree. Maps are merged key by key
// at all levels; lists and scalars replace. Of several files the later one wins, and the including file over
// all. Each part keeps its place in the file that it came from. All files of a scenario together are bounded
// as one is (yaml_tree.h).
#pragma once

#include <memory>
#include <string>

#include "harness/scenario/yaml_tree.h"

namespace knetlab {

constexpr int kMaxIncludeDepth = 16;

// Without the key `include`. Throws Error: at the name of a file that is not there, that includes itself, or
// that holds what belongs to one scenario only.
std::shared_ptr<YamlDocument> ReadWithIncludes(const std::string& file);

}  // namespace knetlab
