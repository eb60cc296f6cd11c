// SPDX-License-Identifier: Apache-2.0
// Expressions that people write: testdata/filters.txt, where each comes from said there.
#pragma once

#include <string>
#include <vector>

namespace knetlab::filter_testing {

// One a line; # begins a comment. Throws Error where the file cannot be read.
std::vector<std::string> ReadExpressions(const std::string& path);

}  // namespace knetlab::filter_testing
