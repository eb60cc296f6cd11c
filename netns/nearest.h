// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?": the candidate nearest to a mistyped name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours; letter case
// costs nothing), or
// "" where none is near: more than a third of the name's length, at least 1, would have to change. Ties go to
// the first candidate.
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

// "did you mean NEAREST?", or "there are: A, B, C" for a few candidates where none is near, or "".
std::string NearestHint(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace knetlab
