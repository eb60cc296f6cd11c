// SPDX-License-Identifier: Apache-2.0
// Text for people: numbers with units, and text of others made fit for a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace knetlab {

// Columns that UTF-8 text takes, a column a character.
std::size_t DisplayWidth(std::string_view text);
// Names of files and messages of the kernel can hold anything: control characters other than newline and tab
// become '?', so that they cannot steer the terminal.
std::string TerminalSafe(std::string_view text);
// Every line with so many spaces before it.
std::string Indented(std::string_view text, std::size_t spaces);

std::string FormatCount(std::uint64_t count);                          // "133", "10,000"
std::string FormatPlural(std::uint64_t count, std::string_view noun);  // "1 packet", "133 packets"
std::string FormatBytes(std::uint64_t bytes);                          // "980 B", "20 KB", "1.3 MB"
std::string FormatDuration(double seconds);                            // "850 us", "18 ms", "3.1 s"
std::string FormatShare(std::uint64_t part, std::uint64_t whole);      // "90.2 %"

}  // namespace knetlab
