// SPDX-License-Identifier: Apache-2.0
// Numbers with units, as tc(8) writes them. All throw Error for what is not one.
#pragma once

#include <cstdint>
#include <string>

namespace knetlab {

std::uint64_t ParseCount(const std::string& text);        // "10"
std::uint64_t ParseHexadecimal(const std::string& text);  // "10", "0x10": 16
std::uint64_t ParseBytes(
    const std::string& text);  // "1500", "32k" and "32kb" (1024), "1m"; "8kbit" (1024 bits)
std::uint64_t ParseRate(
    const std::string& text);  // bytes a second of "1mbit" (decimal), "100kbps" (bytes), "64kibit"
std::uint64_t ParseNanoseconds(
    const std::string& text);                // "10ms", "100us", "1s", "5ns"; a bare number is microseconds
double ParseShare(const std::string& text);  // "1%" or "0.01": 0.01

}  // namespace knetlab
