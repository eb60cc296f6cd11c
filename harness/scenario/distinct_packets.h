// SPDX-License-Identifier: Apache-2.0
// The packets of several captures, each content once: what a program decides on a packet it decides on an
// equal one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace knetlab {

struct DistinctPacket {
  std::vector<std::byte> bytes;
  std::size_t capture = 0;  // where it stands first
  std::size_t number = 0;   // in that capture, from 1
  std::uint64_t times = 0;  // how often in all captures
};

struct CutPacket {
  std::string capture;
  std::size_t number = 0, length = 0;
};

struct DistinctPackets {
  std::vector<std::string> captures;
  std::vector<DistinctPacket> packets;
  std::uint64_t total = 0;   // with repetitions
  std::uint64_t padded = 0;  // of those
  std::vector<CutPacket> cut;
  std::vector<std::string> notices;  // of captures that end in the middle of a packet

  std::size_t longest() const;
};

// Packets longer than `most` bytes are cut there. Throws Error as ReadCapture() does.
DistinctPackets ReadDistinctPackets(const std::vector<std::string>& captures, std::size_t most);

}  // namespace knetlab
