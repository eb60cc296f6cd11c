// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_headers.h"

#include <netinet/in.h>

namespace knetlab {
namespace {

constexpr int kMaxExtensionHeaders = 16;

bool IsVlanTag(std::uint16_t type) {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

}  // namespace

EthernetPayload FindEthernetPayload(const PacketView& packet) {
  EthernetPayload payload{.vlans = {}, .type = packet.U16(12), .offset = kEthernetHeader};
  while (IsVlanTag(payload.type) && packet.Has(payload.offset, 4)) {
    payload.vlans.push_back(packet.U16(payload.offset) & 0x0fff);
    payload.type = packet.U16(payload.offset + 2);
    payload.offset += 4;
  }
  return payload;
}

IpPayload FindIpv4Payload(const PacketView& packet, std::size_t ip) {
  const std::size_t header = std::size_t{packet.U8(ip) & 0x0fU} * 4;
  const std::uint16_t fragment = packet.U16(ip + 6);
  IpPayload payload{.protocol = packet.U8(ip + 9), .offset = ip + header};
  payload.fragment_offset = std::size_t{fragment & 0x1fffU} * 8;
  payload.fragment = (fragment & 0x3fff) != 0;  // an offset, or "more fragments"
  payload.cut = packet.U8(ip) >> 4 != 4 || header < 20 || !packet.Has(ip, header);
  return payload;
}

IpPayload FindIpv6Payload(const PacketView& packet, std::size_t ip) {
  IpPayload payload{.protocol = packet.U8(ip + 6), .offset = ip + 40};
  payload.cut = packet.U8(ip) >> 4 != 6 || !packet.Has(ip, 40);
  for (int i = 0; i < kMaxExtensionHeaders && !payload.cut; ++i) {
    const std::size_t at = payload.offset;
    std::size_t length = 0;
    switch (payload.protocol) {
      case IPPROTO_HOPOPTS:
      case IPPROTO_DSTOPTS:
      case IPPROTO_ROUTING:
      case IPPROTO_MH:
        length = (std::size_t{packet.U8(at + 1)} + 1) * 8;
        if (payload.protocol == IPPROTO_ROUTING && packet.U8(at + 3) != 0) payload.routed = true;
        break;
      case IPPROTO_AH:
        length = (std::size_t{packet.U8(at + 1)} + 2) * 4;
        break;
      case IPPROTO_FRAGMENT:
        length = 8;
        payload.fragment = true;
        payload.fragment_offset = packet.U16(at + 2) & 0xfff8U;
        break;
      default:
        return payload;
    }
    if (!packet.Has(at, length)) break;
    payload.protocol = packet.U8(at);
    payload.offset = at + length;
    if (payload.fragment_offset != 0) return payload;
  }
  payload.cut = true;  // in the middle of an extension header, or more of them than any real packet has
  return payload;
}

}  // namespace knetlab
