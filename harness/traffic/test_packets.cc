// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/test_packets.h"

#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "harness/traffic/packet_headers.h"

namespace knetlab::testing {
namespace {

void AppendU16(Bytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::byte>(value >> 8));
  bytes.push_back(static_cast<std::byte>(value));
}

void PutU16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes.at(at) = static_cast<std::byte>(value >> 8);
  bytes.at(at + 1) = static_cast<std::byte>(value);
}

void FillChecksum(Bytes& payload, std::uint8_t protocol, const Bytes& addresses) {
  Bytes pseudo = addresses;
  AppendU16(pseudo, protocol);
  AppendU16(pseudo, payload.size());
  const auto sum = static_cast<std::uint16_t>(~OnesComplementSum(pseudo + payload));
  if (protocol == IPPROTO_TCP) PutU16(payload, 16, sum);
  if (protocol == IPPROTO_UDP) PutU16(payload, 6, sum == 0 ? 0xffff : sum);
  if (protocol == IPPROTO_ICMPV6) PutU16(payload, 2, sum);
}

}  // namespace

Bytes FromHex(std::string_view hex) {
  std::string digits;
  std::copy_if(hex.begin(), hex.end(), std::back_inserter(digits),
               [](unsigned char c) { return std::isxdigit(c); });
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Packet MakePacket(Bytes bytes, std::uint64_t time_ns) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return {.bytes = std::move(bytes), .time_ns = time_ns, .wire_length = size};
}

Bytes Ethernet(std::uint16_t type) {
  Bytes bytes = FromHex("020000000002 020000000001");
  AppendU16(bytes, type);
  return bytes;
}

Bytes Ipv4Frame(std::uint8_t protocol, std::string_view source, std::string_view destination, Bytes payload) {
  const Bytes addresses = FromHex(source) + FromHex(destination);
  FillChecksum(payload, protocol, addresses);
  Bytes header = FromHex("4500");
  AppendU16(header, payload.size() + 20);
  header = header + FromHex("1234 0000 40");
  header.push_back(static_cast<std::byte>(protocol));
  header = header + FromHex("0000") + addresses;
  PutU16(header, 10, static_cast<std::uint16_t>(~OnesComplementSum(header)));
  return Ethernet(kEtherTypeIpv4) + header + payload;
}

Bytes Ipv6Frame(std::uint8_t protocol, std::string_view source, std::string_view destination, Bytes payload,
                const Bytes& extension_headers) {
  const Bytes addresses = FromHex(source) + FromHex(destination);
  FillChecksum(payload, protocol, addresses);
  Bytes header = FromHex("60000000");
  AppendU16(header, payload.size() + extension_headers.size());
  header.push_back(extension_headers.empty() ? static_cast<std::byte>(protocol) : std::byte{IPPROTO_ROUTING});
  header.push_back(std::byte{64});
  return Ethernet(kEtherTypeIpv6) + header + addresses + extension_headers + payload;
}

Bytes Udp(std::uint16_t source_port, std::uint16_t destination_port, std::size_t data) {
  Bytes bytes;
  AppendU16(bytes, source_port);
  AppendU16(bytes, destination_port);
  AppendU16(bytes, 8 + data);
  AppendU16(bytes, 0);
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::byte>(i * 7 + 1));
  return bytes;
}

Bytes Tcp(std::uint16_t source_port, std::uint16_t destination_port, std::uint8_t flags, std::size_t data) {
  Bytes bytes;
  AppendU16(bytes, source_port);
  AppendU16(bytes, destination_port);
  bytes = bytes + FromHex("00000001 00000002 50");
  bytes.push_back(static_cast<std::byte>(flags));
  bytes = bytes + FromHex("2000 0000 0000");
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::byte>(i * 5 + 3));
  return bytes;
}

std::vector<Packet> DistinctFrames(std::size_t count, std::size_t frame_size) {
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes payload = Udp(1000, 2000, frame_size - 42);
    for (std::size_t at = 8; at < payload.size(); ++at)
      payload[at] = static_cast<std::byte>(i >> (at % 2 * 8));
    packets.push_back(MakePacket(Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", payload)));
  }
  return packets;
}

std::uint16_t OnesComplementSum(const Bytes& data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); i += 2) sum += PacketView(data).U16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

TempDir::TempDir() {
  std::string name = std::filesystem::temp_directory_path() / "knetlab-traffic-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Write(std::string_view name, const Bytes& bytes) const {
  std::ofstream(Path(name), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return Path(name);
}

Bytes ReadFile(const std::string& path) {
  Bytes bytes(std::filesystem::file_size(path));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

}  // namespace knetlab::testing
