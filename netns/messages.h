// SPDX-License-Identifier: Apache-2.0
// The rtnetlink messages of a topology: one function a message, from plain values. Interfaces are named by
// index, so that no message depends on a name another message gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "netns/ip.h"
#include "netns/netlink.h"
#include "netns/topology_spec.h"

namespace knetlab {

struct VethEnd {
  std::string name;
  int ifindex = 0;
  MacAddress mac;
  bool quiet_ipv6 = false;  // made with IFF_NOARP and without IFF_MULTICAST: see link_messages.cc
};

// A veth pair: `here` in the socket's namespace, `there` in the one of the descriptor, without any moving.
NetlinkMessage NewVeth(const VethEnd& here, const VethEnd& there, int there_namespace_fd, int mtu,
                       int queues);
// A bridge without spanning tree and without multicast snooping: both send packets of their own.
NetlinkMessage NewBridge(const VethEnd& bridge);
NetlinkMessage SetMaster(int ifindex, int bridge_ifindex);
// Gives an interface that was made `quiet_ipv6`, and is down, its usual flags.
NetlinkMessage EndQuietIpv6(int ifindex);
NetlinkMessage LinkUp(int ifindex);
NetlinkMessage GetLink(int ifindex);
NetlinkMessage DumpLinks();

NetlinkMessage NewAddress(int ifindex, const IpPrefix& prefix);
NetlinkMessage DumpAddresses(int family);
// An address that nobody has: the kernel gives up after one question and a tenth of a second instead of three
// seconds, so that a packet that waits for it has its fate before a run ends.
NetlinkMessage HurryNeighbours(int ifindex, int family);
NetlinkMessage NewNeighbour(int ifindex, const IpAddress& address, const MacAddress& mac);

struct ResolvedNexthop {
  IpAddress via;
  int ifindex = 0;
  int weight = 1;
};
// `type` is one of RouteTypeNames().
NetlinkMessage NewRoute(const RouteSpec& route, const std::vector<ResolvedNexthop>& nexthops);
const std::vector<std::string>& RouteTypeNames();
NetlinkMessage NewRule(const RuleSpec& rule, int family);

// Throws Error: an option that the kind does not have (with the nearest one), a value that is not of its
// unit.
NetlinkMessage NewQdisc(int ifindex, const QdiscSpec& qdisc, const std::string& where);
// What to try where the kernel refuses one.
std::string QdiscHint(const std::string& kind, int code);

}  // namespace knetlab
