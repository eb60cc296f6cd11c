// SPDX-License-Identifier: Apache-2.0
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <new>

#include "netns/messages.h"

namespace knetlab {
namespace {

struct RouteType {
  const char* name;
  std::uint8_t value;
};
constexpr std::array kRouteTypes = {
    RouteType{"unicast", RTN_UNICAST}, RouteType{"local", RTN_LOCAL}, RouteType{"blackhole", RTN_BLACKHOLE},
    RouteType{"unreachable", RTN_UNREACHABLE}, RouteType{"prohibit", RTN_PROHIBIT}};

std::size_t Size(const IpAddress& address) {
  return static_cast<std::size_t>(address.size());
}

// The kernel refuses a destination with host bits.
IpAddress Network(const IpPrefix& prefix) {
  IpAddress network = prefix.address;
  for (int bit = prefix.length; bit < network.size() * 8; ++bit) {
    network.bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80 >> (bit % 8)));
  }
  return network;
}

// A gateway of the other family (IPv4 over an IPv6 nexthop, 5.2 and later) has an attribute of its own.
void PutGateway(NetlinkMessage& message, const IpAddress& via, int route_family) {
  if (via.family == 0) return;
  if (via.family == route_family) {
    message.Put(RTA_GATEWAY, via.bytes.data(), Size(via));
    return;
  }
  std::array<std::uint8_t, sizeof(rtvia) + 16> buffer = {};
  const auto family = static_cast<std::uint16_t>(via.family);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&family), sizeof family, buffer.begin());
  std::copy_n(via.bytes.begin(), Size(via), buffer.begin() + sizeof(rtvia));
  message.Put(RTA_VIA, buffer.data(), sizeof(rtvia) + Size(via));
}

void PutMultipath(NetlinkMessage& message, const std::vector<ResolvedNexthop>& nexthops, int family) {
  message.Nest(RTA_MULTIPATH, [&](NetlinkMessage& nest) {
    for (const ResolvedNexthop& nexthop : nexthops) {
      auto* header = static_cast<rtnexthop*>(nlmsg_reserve(nest.raw(), sizeof(rtnexthop), NLMSG_ALIGNTO));
      if (header == nullptr) throw std::bad_alloc();
      *header = {};
      header->rtnh_hops = static_cast<std::uint8_t>(nexthop.weight - 1);
      header->rtnh_ifindex = nexthop.ifindex;
      PutGateway(nest, nexthop.via, family);
      const char* end = static_cast<const char*>(nlmsg_tail(nest.header()));
      header->rtnh_len = static_cast<std::uint16_t>(end - reinterpret_cast<const char*>(header));
    }
  });
}

}  // namespace

const std::vector<std::string>& RouteTypeNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    list.reserve(kRouteTypes.size());
    for (const RouteType& type : kRouteTypes) list.emplace_back(type.name);
    return list;
  }();
  return names;
}

NetlinkMessage NewRoute(const RouteSpec& route, const std::vector<ResolvedNexthop>& nexthops) {
  const auto* type = std::find_if(kRouteTypes.begin(), kRouteTypes.end(),
                                  [&](const RouteType& t) { return route.type == t.name; });
  const int family = route.destination.address.family;
  rtmsg header = {};
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length);
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = type == kRouteTypes.end() ? static_cast<std::uint8_t>(RTN_UNICAST) : type->value;
  const bool local = header.rtm_type == RTN_LOCAL;
  // As iproute2 does: a local route is of the host and in the local table, one without a gateway of the link.
  const bool gateway =
      std::any_of(nexthops.begin(), nexthops.end(), [](const auto& hop) { return hop.via.family != 0; });
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  if (local) header.rtm_scope = RT_SCOPE_HOST;
  if (family == AF_INET && header.rtm_type == RTN_UNICAST && !gateway) header.rtm_scope = RT_SCOPE_LINK;
  const std::uint32_t table = route.table.value_or(local ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
  header.rtm_table =
      table < 256 ? static_cast<std::uint8_t>(table) : static_cast<std::uint8_t>(RT_TABLE_UNSPEC);

  NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
                         NetlinkMessage::kRoom + nexthops.size() * 64);
  message.Header(header);
  message.PutNumber<std::uint32_t>(RTA_TABLE, table);
  if (route.destination.length > 0) {
    const IpAddress network = Network(route.destination);
    message.Put(RTA_DST, network.bytes.data(), Size(network));
  }
  if (route.source) message.Put(RTA_PREFSRC, route.source->bytes.data(), Size(*route.source));
  if (nexthops.size() == 1) {
    PutGateway(message, nexthops[0].via, family);
    if (nexthops[0].ifindex > 0)
      message.PutNumber<std::uint32_t>(RTA_OIF, static_cast<std::uint32_t>(nexthops[0].ifindex));
  } else if (nexthops.size() > 1) {
    PutMultipath(message, nexthops, family);
  }
  return message;
}

NetlinkMessage NewRule(const RuleSpec& rule, int family) {
  fib_rule_hdr header = {};
  header.family = static_cast<std::uint8_t>(family);
  header.action = FR_ACT_TO_TBL;
  header.table =
      rule.table < 256 ? static_cast<std::uint8_t>(rule.table) : static_cast<std::uint8_t>(RT_TABLE_UNSPEC);
  if (rule.from) header.src_len = static_cast<std::uint8_t>(rule.from->length);
  if (rule.to) header.dst_len = static_cast<std::uint8_t>(rule.to->length);
  NetlinkMessage message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  message.Header(header);
  message.PutNumber<std::uint32_t>(FRA_TABLE, rule.table);
  if (rule.from) {
    const IpAddress network = Network(*rule.from);
    message.Put(FRA_SRC, network.bytes.data(), Size(network));
  }
  if (rule.to) {
    const IpAddress network = Network(*rule.to);
    message.Put(FRA_DST, network.bytes.data(), Size(network));
  }
  if (rule.fwmark) message.PutNumber<std::uint32_t>(FRA_FWMARK, *rule.fwmark);
  if (!rule.iif.empty()) message.PutString(FRA_IIFNAME, rule.iif);
  if (rule.priority) message.PutNumber<std::uint32_t>(FRA_PRIORITY, *rule.priority);
  return message;
}

}  // namespace knetlab
