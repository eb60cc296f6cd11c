// SPDX-License-Identifier: Apache-2.0
// Compares packets with a golden capture, and writes one.
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/model.h"
#include "harness/scenario/rig.h"
#include "harness/traffic/capture_file.h"

namespace knetlab {

// The bytes of the packet that are compared: ignored ones are 0.
std::vector<std::byte> ComparedBytes(const Packet& packet, const std::vector<IgnoredBytes>& ignore);

// "" where they are the same; else the first difference, for people: both packets decoded, where they differ
// and the bytes there.
std::string FirstDifference(const std::vector<Packet>& golden, const std::vector<Packet>& found,
                            const std::vector<IgnoredBytes>& ignore, bool any_order);

struct GoldenOptions {
  bool update = false;  // write the golden capture where it differs
};

// One result for the number of packets where it is expected, one for the golden capture. What was written is
// told in `notes`. Throws Error where the golden capture cannot be read or written.
std::vector<CheckResult> CheckPackets(const PacketsCheck& check, const std::vector<Packet>& found,
                                      const GoldenOptions& options, std::vector<std::string>& notes);

}  // namespace knetlab
