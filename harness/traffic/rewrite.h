// SPDX-License-Identifier: Apache-2.0
// Rewrites addresses of packets before they are sent, on request, as tcprewrite does: checksums (IPv4 header,
// TCP, UDP, ICMPv6) are adjusted incrementally (RFC 1624), so that a checksum that was wrong stays wrong and
// a right one stays right. Packets whose IP header is cut or not valid keep their addresses.
#pragma once

#include <map>
#include <optional>

#include "harness/traffic/capture_file.h"
#include "netns/ip.h"

namespace knetlab {

struct Rewrite {
  std::optional<MacAddress> source_mac{}, destination_mac{};
  // Address -> address of the same family, exact matches; source and destination alike. Outermost IP header,
  // behind VLAN tags.
  std::map<IpAddress, IpAddress> addresses{};
  // Every packet of that family, where `addresses` says nothing.
  std::optional<IpAddress> source{}, destination{};
  bool empty() const;
};

void ApplyRewrite(const Rewrite& rewrite, Packet& packet);

}  // namespace knetlab
