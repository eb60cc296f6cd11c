// SPDX-License-Identifier: Apache-2.0
// Finds the headers of a packet for those who read or change it: bounds-checked bytes, VLAN tags, IPv6
// extension headers. Bytes are of any origin; every walk ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace knetlab {

constexpr std::size_t kEthernetHeader = 14;
constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;

// Big-endian numbers at byte offsets. What lies beyond the end reads as 0: ask Has() where it makes a
// difference.
class PacketView {
 public:
  explicit PacketView(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  bool Has(std::size_t at, std::size_t count) const { return at <= size() && count <= size() - at; }
  std::uint8_t U8(std::size_t at) const {
    return at < size() ? std::to_integer<std::uint8_t>(bytes_[at]) : 0;
  }
  std::uint16_t U16(std::size_t at) const { return static_cast<std::uint16_t>(U8(at) << 8 | U8(at + 1)); }
  std::uint32_t U32(std::size_t at) const { return std::uint32_t{U16(at)} << 16 | U16(at + 2); }

 private:
  std::span<const std::byte> bytes_;
};

// What follows the Ethernet header and its VLAN tags (802.1Q, 802.1ad, the old 0x9100).
struct EthernetPayload {
  std::vector<std::uint16_t> vlans;  // ids, outermost first
  std::uint16_t type = 0;            // EtherType, or a length below 0x600
  std::size_t offset = 0;
};

EthernetPayload FindEthernetPayload(const PacketView& packet);

// The protocol above an IP header, behind options and extension headers.
struct IpPayload {
  std::uint8_t protocol = 0;
  std::size_t offset = 0;
  bool fragment = false;
  std::size_t fragment_offset = 0;  // in bytes; the protocol's header is in the packet only where it is 0
  bool routed = false;  // an IPv6 routing header has segments left: the destination is not the last one
  bool cut = false;     // the headers go on beyond the packet's end, or are not valid
};

IpPayload FindIpv4Payload(const PacketView& packet, std::size_t ip);
IpPayload FindIpv6Payload(const PacketView& packet, std::size_t ip);

}  // namespace knetlab
