// SPDX-License-Identifier: Apache-2.0
// Reads captures: pcap (micro- and nanosecond) and pcapng, through libpcap. The file is hostile input; sizes
// are bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace knetlab {

struct Packet {
  std::vector<std::byte> bytes{};  // from the Ethernet header on, at least 14 bytes
  std::uint64_t time_ns = 0;       // capture time, since the epoch
  std::uint32_t wire_length = 0;   // as the capture says; more than bytes.size() where it was cut
  bool padded = false;             // was shorter than an Ethernet header: filled with zeros to 14 bytes
};

struct CaptureOptions {
  std::optional<std::size_t> limit{};            // read no more than so many packets
  std::size_t max_bytes = std::size_t{4} << 30;  // refuse to hold more than this
};

struct Capture {
  std::string path;
  std::string sha256;           // of the file, hex
  std::vector<Packet> packets;  // numbered from 1 in all output
  std::uint64_t total_bytes = 0;
  std::size_t padded = 0;
  std::string notice;  // not an error, but to be told: "cut short after packet 41: ..."
};

// Throws Error: no such file, not a capture, link type not Ethernet (which, and at which packet where it
// changes). A file that ends in the middle of a packet is read up to there and says so in `notice`.
Capture ReadCapture(const std::string& path, const CaptureOptions& options = {});

}  // namespace knetlab
