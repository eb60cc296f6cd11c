// SPDX-License-Identifier: Apache-2.0
// A topology as data: what is declared in a scenario's `topology:` or written by hand in C++.
// netns/topology.h builds it.
//
//   TopologySpec spec;
//   spec.namespaces = {{.name = "client"}, {.name = "server"}};
//   spec.links = {{.ends = {{{"client", "eth0", {IpPrefix::Parse("10.0.0.1/24")}},
//                            {"server", "eth0", {IpPrefix::Parse("10.0.0.2/24")}}}}}};
//
// Names are unique; a family such as `server[1..16]` is already expanded here (ExpandFamily in topology.h).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "netns/ip.h"

namespace knetlab {

struct NamespaceSpec {
  std::string name;
  // Paths as sysctl(8) takes them, without "net.": {"ipv4.ip_forward", "1"}. Set after links exist, in order.
  std::vector<std::pair<std::string, std::string>> sysctls;
};

// One side of a link.
struct EndpointSpec {
  std::string ns;
  std::string interface;
  std::vector<IpPrefix> addresses;
  std::optional<MacAddress> mac;         // else 02:00:00:00:NN:NN by order of declaration, reproducible
  std::map<std::string, bool> offloads;  // ethtool -k feature names: {"tx-checksum-ip-generic", false}
  std::map<std::string, std::string> sysfs = {};  // files of /sys/class/net/INTERFACE: {"threaded", "1"}
  std::string ToString() const { return ns + ":" + interface; }
};

struct LinkSpec {
  std::array<EndpointSpec, 2> ends;
  int mtu = 0;     // both ends; 0: 1500
  int queues = 1;  // rx and tx queues of both ends
};

struct NexthopSpec {
  IpAddress via;       // family 0: no gateway
  std::string device;  // may be empty where `via` decides
  int weight = 1;
};

struct RouteSpec {
  std::string ns;
  IpPrefix destination;
  std::vector<NexthopSpec> nexthops;  // several: multipath. Empty for blackhole and friends.
  std::string type = "unicast";       // unicast, local, blackhole, unreachable, prohibit
  std::optional<std::uint32_t> table;
  std::optional<IpAddress> source;
};

struct RuleSpec {  // ip rule
  std::string ns;
  int family = 0;
  std::optional<IpPrefix> from, to;
  std::optional<std::uint32_t> fwmark;
  std::string iif;
  std::uint32_t table = 254;
  std::optional<std::uint32_t> priority;
};

struct NeighbourSpec {  // a permanent entry
  std::string ns;
  std::string device;
  IpAddress address;
  MacAddress mac;
};

struct QdiscSpec {
  std::string ns;
  std::string device;
  std::string kind;  // clsact, tbf, netem, fq, pfifo ...
  // Of the kind, in its own words and units: tbf {rate: 1mbit, burst: 32k, limit: 100k}, netem {delay: 10ms,
  // loss: 1%}, pfifo {limit: 10}.
  std::map<std::string, std::string> options;
};

struct BridgeSpec {
  std::string ns;
  std::string name;
  std::vector<std::string> ports;  // interfaces of the same namespace
  std::vector<IpPrefix> addresses;
};

struct TopologySpec {
  std::vector<NamespaceSpec> namespaces;
  std::vector<LinkSpec> links;
  std::vector<BridgeSpec> bridges;
  std::vector<RouteSpec> routes;
  std::vector<RuleSpec> rules;
  std::vector<NeighbourSpec> neighbours;
  std::vector<QdiscSpec> qdiscs;
};

}  // namespace knetlab
