// SPDX-License-Identifier: Apache-2.0
// Writes a capture: a pcap file of Ethernet frames that is the same, byte for byte, for the same packets
// (packet N has the time N microseconds).
#pragma once

#include <string>
#include <vector>

#include "harness/traffic/capture_file.h"

namespace knetlab {

// Replaces the file as a whole or not at all. Throws Error.
void WriteCapture(const std::string& path, const std::vector<Packet>& packets);

}  // namespace knetlab
