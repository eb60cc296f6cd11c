// SPDX-License-Identifier: Apache-2.0
// Charts in the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace knetlab {

// The values as a row of characters of rising height, the smallest the lowest: "▁▂▅█". `plain`: "_.:|", for
// terminals without UTF-8. More values than `width` are shown by the means of neighbours.
std::string Sparkline(const std::vector<double>& values, std::size_t width, bool plain);

// Whether the locale that stdout's reader is taken to have is one of UTF-8.
bool IsUtf8Locale();

}  // namespace knetlab
