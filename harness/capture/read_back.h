// SPDX-License-Identifier: Apache-2.0
// Packets to capture, and captures read back by the programs of others. Apart from all that is BPF: libpcap's
// headers and the kernel's do not go together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/traffic/test_packets.h"

namespace knetlab::testing {

// 60 bytes of UDP whose first byte is this, which bpf/hooked makes its verdict.
Bytes PacketFor(std::uint8_t verdict, std::uint16_t destination_port = 53);

struct ReadPacket {
  std::uint64_t time_ns = 0;
  std::uint32_t wire_length = 0;
  Bytes bytes;
};
// With libpcap; a test failure where the file ends badly.
std::vector<ReadPacket> ReadWithLibpcap(const std::string& path);

// A line for each packet, the fields with tabs between; a test failure where tshark complains.
std::vector<std::string> ReadWithTshark(const std::string& path, const std::vector<std::string>& fields);

}  // namespace knetlab::testing
