// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/rewrite.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "harness/traffic/packet_headers.h"

namespace knetlab {
namespace {

void Put(Packet& packet, std::size_t at, const std::uint8_t* bytes, std::size_t count) {
  std::memcpy(packet.bytes.data() + at, bytes, count);
}

// The change that an address makes to a ones' complement sum: the sum of ~old + new over its 16-bit words
// (RFC 1624, eqn. 3).
std::uint32_t SumOfChange(const std::uint8_t* before, const std::uint8_t* after, std::size_t count) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; i += 2) {
    const auto old_word = static_cast<std::uint16_t>(before[i] << 8 | before[i + 1]);
    const auto new_word = static_cast<std::uint16_t>(after[i] << 8 | after[i + 1]);
    sum += static_cast<std::uint16_t>(~old_word) + std::uint32_t{new_word};
  }
  return sum;
}

std::uint16_t AdjustedChecksum(std::uint16_t checksum, std::uint32_t change) {
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum) + change;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void AdjustChecksumAt(Packet& packet, std::size_t at, std::uint32_t change, bool zero_means_none) {
  const PacketView view(packet.bytes);
  if (!view.Has(at, 2)) return;  // the capture cut it off
  const std::uint16_t before = view.U16(at);
  if (zero_means_none && before == 0) return;
  std::uint16_t after = AdjustedChecksum(before, change);
  if (zero_means_none && after == 0) after = 0xffff;
  const std::uint8_t bytes[] = {static_cast<std::uint8_t>(after >> 8), static_cast<std::uint8_t>(after)};
  Put(packet, at, bytes, sizeof(bytes));
}

// The checksums above IP that cover its addresses by a pseudo header.
void AdjustTransport(Packet& packet, const IpPayload& payload, std::uint32_t change) {
  if (payload.cut || payload.fragment_offset != 0) return;
  switch (payload.protocol) {
    case IPPROTO_TCP:
      return AdjustChecksumAt(packet, payload.offset + 16, change, false);
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
      return AdjustChecksumAt(packet, payload.offset + 6, change, true);
    case IPPROTO_DCCP:
      return AdjustChecksumAt(packet, payload.offset + 6, change, false);
    case IPPROTO_ICMPV6:
      return AdjustChecksumAt(packet, payload.offset + 2, change, false);
    default:
      return;
  }
}

// Writes the address that belongs at an offset. Returns the change of a checksum that covers it.
std::uint32_t RewriteAddress(const Rewrite& rewrite, Packet& packet, std::size_t at, int family,
                             const std::optional<IpAddress>& otherwise) {
  IpAddress old{.family = family};
  const auto size = static_cast<std::size_t>(old.size());
  std::memcpy(old.bytes.data(), packet.bytes.data() + at, size);
  const auto mapped = rewrite.addresses.find(old);
  IpAddress now = old;
  if (mapped != rewrite.addresses.end()) {
    now = mapped->second;
  } else if (otherwise.has_value() && otherwise->family == family) {
    now = *otherwise;
  }
  if (now.family != family) return 0;
  Put(packet, at, now.bytes.data(), size);
  return SumOfChange(old.bytes.data(), now.bytes.data(), size);
}

void RewriteIpv4(const Rewrite& rewrite, Packet& packet, std::size_t ip) {
  const IpPayload payload = FindIpv4Payload(PacketView(packet.bytes), ip);
  if (payload.cut) return;
  const std::uint32_t change = RewriteAddress(rewrite, packet, ip + 12, AF_INET, rewrite.source) +
                               RewriteAddress(rewrite, packet, ip + 16, AF_INET, rewrite.destination);
  AdjustChecksumAt(packet, ip + 10, change, false);
  AdjustTransport(packet, payload, change);
}

void RewriteIpv6(const Rewrite& rewrite, Packet& packet, std::size_t ip) {
  const PacketView view(packet.bytes);
  if (!view.Has(ip, 40) || view.U8(ip) >> 4 != 6) return;
  const IpPayload payload = FindIpv6Payload(view, ip);
  std::uint32_t change = RewriteAddress(rewrite, packet, ip + 8, AF_INET6, rewrite.source);
  const std::uint32_t destination = RewriteAddress(rewrite, packet, ip + 24, AF_INET6, rewrite.destination);
  // RFC 8200, 8.1: with a routing header under way the pseudo header holds the last destination, which stays.
  if (!payload.routed) change += destination;
  AdjustTransport(packet, payload, change);
}

}  // namespace

bool Rewrite::empty() const {
  return !source_mac && !destination_mac && addresses.empty() && !source && !destination;
}

void ApplyRewrite(const Rewrite& rewrite, Packet& packet) {
  if (packet.bytes.size() < kEthernetHeader) return;
  if (rewrite.destination_mac) Put(packet, 0, rewrite.destination_mac->bytes.data(), 6);
  if (rewrite.source_mac) Put(packet, 6, rewrite.source_mac->bytes.data(), 6);
  if (rewrite.addresses.empty() && !rewrite.source && !rewrite.destination) return;
  const EthernetPayload payload = FindEthernetPayload(PacketView(packet.bytes));
  if (payload.type == kEtherTypeIpv4) RewriteIpv4(rewrite, packet, payload.offset);
  if (payload.type == kEtherTypeIpv6) RewriteIpv6(rewrite, packet, payload.offset);
}

}  // namespace knetlab
