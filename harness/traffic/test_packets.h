// SPDX-License-Identifier: Apache-2.0
// Packets and files for the tests of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/traffic/capture_file.h"

namespace knetlab::testing {

using Bytes = std::vector<std::byte>;

// "0800 45" and the like: hex digits, blanks ignored.
Bytes FromHex(std::string_view hex);
Bytes operator+(Bytes left, const Bytes& right);
Packet MakePacket(Bytes bytes, std::uint64_t time_ns = 0);

// An Ethernet header from 02:00:00:00:00:01 to 02:00:00:00:00:02.
Bytes Ethernet(std::uint16_t type);
// Complete frames with right checksums. Addresses as hex digits, 8 of IPv4 and 32 of IPv6.
Bytes Ipv4Frame(std::uint8_t protocol, std::string_view source, std::string_view destination, Bytes payload);
Bytes Ipv6Frame(std::uint8_t protocol, std::string_view source, std::string_view destination, Bytes payload,
                const Bytes& extension_headers = {});
// Headers with a checksum of 0 for the two above to fill in.
Bytes Udp(std::uint16_t source_port, std::uint16_t destination_port, std::size_t data);
Bytes Tcp(std::uint16_t source_port, std::uint16_t destination_port, std::uint8_t flags, std::size_t data);
// UDP frames of this many bytes that differ from each other in every position from the data on.
std::vector<Packet> DistinctFrames(std::size_t count, std::size_t frame_size);

// The ones' complement sum of RFC 1071; 0xffff over data whose checksum is right.
std::uint16_t OnesComplementSum(const Bytes& data);

// A directory of its own, removed with all in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string Path(std::string_view name) const { return path_ / name; }
  // Returns the file's path.
  std::string Write(std::string_view name, const Bytes& bytes) const;

 private:
  std::filesystem::path path_;
};

Bytes ReadFile(const std::string& path);

}  // namespace knetlab::testing
