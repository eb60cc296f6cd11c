// SPDX-License-Identifier: Apache-2.0
// The packets of capture files, as vectors of bytes. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {

// Of an Ethernet capture, padded with zeros to 14 bytes; none of a capture of anything else. What follows a
// truncated packet is left out. Throws Error where the file cannot be opened.
std::vector<PacketBytes> ReadEthernetPackets(const std::string& path);
// Of all captures of a folder, in the order of their names; at most `limit` of each.
std::vector<PacketBytes> ReadFolder(const std::string& folder, std::size_t limit);

std::string Hex(const PacketBytes& packet);

}  // namespace knetlab::filter_testing
