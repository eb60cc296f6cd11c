// SPDX-License-Identifier: Apache-2.0
// One packet of a flood: put together from headers, its fields set, its lengths and checksums right (RFC 791,
// 768, 9293, 792, 4443, 8200). Works on any Ethernet packet; what has no such field stays as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "harness/traffic/flood_field.h"

namespace knetlab {

class FloodPacket {
 public:
  using Bytes = std::vector<std::uint8_t>;

  FloodPacket() = default;
  explicit FloodPacket(Bytes bytes) : bytes_(std::move(bytes)) {}

  // From the lab's client to its server, with this protocol above IP.
  static FloodPacket Udp(bool ipv6, const Bytes& data);
  static FloodPacket Tcp(bool ipv6, std::uint8_t flags, const Bytes& options);
  static FloodPacket Echo(bool ipv6, const Bytes& data);

  const Bytes& bytes() const { return bytes_; }
  // `family` is that of an address: an IPv4 packet has no IPv6 source.
  bool Has(FloodField field, int family) const;
  // Len cuts the packet behind its headers, or adds zeros.
  void Set(FloodField field, const FloodValue& value);
  // Makes lengths and checksums right. Fragments keep the checksum of the packet that they are a part of.
  void Finish();
  // This finished packet as fragments with so many bytes of its IP payload in each, a multiple of 8.
  std::vector<FloodPacket> Fragments(std::size_t bytes, std::uint32_t id) const;

 private:
  struct Layout {  // offsets; 0 where there is none
    std::size_t ip = 0, l4 = 0;
    bool ipv6 = false, fragment = false;
    std::uint8_t protocol = 0;
  };
  Layout Find() const;
  void Put(std::size_t at, std::uint64_t value, std::size_t size);
  void SetAddress(const Layout& layout, bool source, const IpAddress& address);
  void SetVlan(std::uint16_t id);
  void Resize(std::size_t size);
  void FinishL4(const Layout& layout);

  Bytes bytes_;
};

}  // namespace knetlab
