// SPDX-License-Identifier: Apache-2.0
#include "netns/topology_plan.h"

#include <fmt/format.h>
#include <linux/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <numeric>

#include "netns/error.h"
#include "netns/messages.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::size_t kLongestNamespaceName = 200;  // it becomes a file name, with a prefix
constexpr int kSmallestMtu = 68;
constexpr int kDefaultMtu = 1500;
constexpr int kLargestMtu = 65535;
constexpr int kMostQueues = 4096;  // the kernel's own limit
constexpr int kMostWeight = 256;

[[noreturn]] void Refuse(std::string where, std::string why, std::string hint = "") {
  throw Error({.what = "check topology",
               .where = std::move(where),
               .why = std::move(why),
               .hint = std::move(hint),
               .detail = "",
               .code = EINVAL});
}

void CheckNamespaceName(const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  if (name.empty() || name.size() > kLongestNamespaceName || name[0] == '.' ||
      !std::all_of(name.begin(), name.end(), good)) {
    Refuse(fmt::format("namespace '{}'", name), "not a name for a namespace",
           "letters, digits, '_', '-' and '.', not first '.'");
  }
}

void CheckInterfaceName(const std::string& where, const std::string& name) {
  const auto bad = [](unsigned char c) {
    return c == '/' || c == ':' || c == '%' || std::isspace(c) != 0 || c == 0;
  };
  if (name.size() >= IFNAMSIZ) {
    Refuse(where, fmt::format("the interface name has {} characters, at most {} are possible", name.size(),
                              IFNAMSIZ - 1));
  }
  if (name.empty() || name == "." || name == ".." || std::any_of(name.begin(), name.end(), bad)) {
    Refuse(where, "not a name for an interface", "no '/', ':', '%' and spaces");
  }
  if (name == "lo") Refuse(where, "each namespace has its own lo already");
}

void CheckRange(const std::string& where, const std::string& name, int value, int low, int high) {
  if (value < low || value > high)
    Refuse(where, fmt::format("{} is {}, possible are {} to {}", name, value, low, high));
}

void CheckRoutes(const TopologySpec& spec, const TopologyPlan& plan) {
  for (const RouteSpec& route : spec.routes) {
    const std::string where = fmt::format("{}: route {}", route.ns, route.destination.ToString());
    plan.NamespaceOf(route.ns, "route " + route.destination.ToString());
    const auto& types = RouteTypeNames();
    if (std::find(types.begin(), types.end(), route.type) == types.end()) {
      Refuse(where, fmt::format("no route type '{}'", route.type), NearestHint(route.type, types));
    }
    const bool needs_nexthop = route.type == "unicast" || route.type == "local";
    if (needs_nexthop && route.nexthops.empty())
      Refuse(where, "no nexthop", "give a gateway (via) or a device");
    if (!needs_nexthop && !route.nexthops.empty())
      Refuse(where, fmt::format("a {} route has no nexthop", route.type));
    for (const NexthopSpec& hop : route.nexthops) {
      if (hop.via.family == 0 && hop.device.empty()) Refuse(where, "a nexthop without gateway and device");
      CheckRange(where, "weight", hop.weight, 1, kMostWeight);
      if (!hop.device.empty() && hop.device != "lo") plan.EndpointOf(route.ns, hop.device, where);
    }
  }
}

// Interfaces that hear each other's frames: the ends of links, joined further by bridges.
class Segments {
 public:
  explicit Segments(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  std::size_t Find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void Join(std::size_t a, std::size_t b) { parent_[Find(a)] = Find(b); }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

TopologyPlan::TopologyPlan(const TopologySpec& spec) {
  AddNamespaces(spec);
  AddLinks(spec);
  AddBridges(spec);
  CheckRoutes(spec, *this);
  for (const RuleSpec& rule : spec.rules) NamespaceOf(rule.ns, "rule");
  for (const NeighbourSpec& neighbour : spec.neighbours) {
    EndpointOf(neighbour.ns, neighbour.device, "neighbour " + neighbour.address.ToString());
  }
  for (const QdiscSpec& qdisc : spec.qdiscs) {
    if (qdisc.device == "lo") {
      NamespaceOf(qdisc.ns, "qdisc " + qdisc.kind);
    } else {
      EndpointOf(qdisc.ns, qdisc.device, "qdisc " + qdisc.kind);
    }
  }
  FindIpv6(spec);
  FindNeighbours(spec);
}

std::size_t TopologyPlan::NamespaceOf(const std::string& name, const std::string& for_what) const {
  if (const auto found = namespace_index.find(name); found != namespace_index.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, index] : namespace_index) names.push_back(known);
  std::sort(names.begin(), names.end());
  Refuse(for_what, fmt::format("no namespace '{}'", name), NearestHint(name, names));
}

std::size_t TopologyPlan::EndpointOf(const std::string& ns, const std::string& interface,
                                     const std::string& for_what) const {
  const std::size_t index = NamespaceOf(ns, for_what);
  if (const auto found = endpoint_index.find(ns + ":" + interface); found != endpoint_index.end())
    return found->second;
  std::vector<std::string> names;
  for (const std::size_t endpoint : endpoints_of[index]) names.push_back(endpoints[endpoint].interface);
  Refuse(for_what, fmt::format("no interface '{}' in namespace '{}'", interface, ns),
         NearestHint(interface, names));
}

void TopologyPlan::AddNamespaces(const TopologySpec& spec) {
  for (const NamespaceSpec& ns : spec.namespaces) {
    CheckNamespaceName(ns.name);
    if (!namespace_index.emplace(ns.name, namespace_index.size()).second) {
      Refuse(fmt::format("namespace '{}'", ns.name), "declared twice");
    }
  }
  endpoints_of.resize(spec.namespaces.size());
}

void TopologyPlan::AddEndpoint(EndpointInfo info, std::size_t ns) {
  const std::string where = info.ToString();
  if (!endpoint_index.emplace(where, endpoints.size()).second) Refuse(where, "declared twice");
  for (const IpPrefix& prefix : info.addresses) {
    if (prefix.address.family == 0) Refuse(where, "an empty address");
    if (prefix.address.family == AF_INET6 && info.mtu < 1280) {
      Refuse(where, fmt::format("IPv6 needs an MTU of at least 1280, it is {}", info.mtu));
    }
  }
  info.ifindex = static_cast<int>(endpoints.size());
  endpoints_of[ns].push_back(endpoints.size());
  namespace_of.push_back(ns);
  endpoints.push_back(std::move(info));
}

void TopologyPlan::AddLinks(const TopologySpec& spec) {
  for (const LinkSpec& link : spec.links) {
    for (std::size_t side = 0; side < 2; ++side) {
      const EndpointSpec& end = link.ends[side];
      const EndpointSpec& other = link.ends[1 - side];
      const std::string where = end.ToString();
      const std::size_t ns = NamespaceOf(end.ns, "link end " + where);
      CheckInterfaceName(where, end.interface);
      if (link.mtu != 0) CheckRange(where, "mtu", link.mtu, kSmallestMtu, kLargestMtu);
      CheckRange(where, "queues", link.queues, 1, kMostQueues);
      const std::size_t number = endpoints.size() + 1;
      const MacAddress counted = {
          {0x02, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
      AddEndpoint({.ns = end.ns,
                   .interface = end.interface,
                   .ifindex = 0,
                   .mac = end.mac.value_or(counted),
                   .mtu = link.mtu == 0 ? kDefaultMtu : link.mtu,
                   .addresses = end.addresses,
                   .peer_ns = other.ns,
                   .peer_interface = other.interface},
                  ns);
    }
  }
}

void TopologyPlan::AddBridges(const TopologySpec& spec) {
  std::vector<bool> taken(endpoints.size());
  for (const BridgeSpec& bridge : spec.bridges) {
    const std::string where = bridge.ns + ":" + bridge.name;
    const std::size_t ns = NamespaceOf(bridge.ns, "bridge " + where);
    CheckInterfaceName(where, bridge.name);
    std::vector<std::size_t> ports;
    int mtu = bridge.ports.empty() ? kDefaultMtu : kLargestMtu;
    for (const std::string& port : bridge.ports) {
      ports.push_back(EndpointOf(bridge.ns, port, "bridge " + where));
      if (ports.back() >= taken.size()) Refuse(where, fmt::format("port '{}' is a bridge itself", port));
      if (taken[ports.back()]) Refuse(where, fmt::format("port '{}' is a port already", port));
      taken[ports.back()] = true;
      mtu = std::min(mtu, endpoints[ports.back()].mtu);  // as the kernel does by itself
    }
    const std::size_t number = endpoints.size() + 1;
    AddEndpoint(
        {.ns = bridge.ns,
         .interface = bridge.name,
         .ifindex = 0,
         .mac = {{0x02, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}},
         .mtu = mtu,
         .addresses = bridge.addresses,
         .peer_ns = "",
         .peer_interface = ""},
        ns);
    bridge_ports.push_back(std::move(ports));
  }
}

void TopologyPlan::FindIpv6(const TopologySpec& spec) {
  uses_ipv6.resize(spec.namespaces.size());
  const auto mark = [&](const std::string& ns, int family) {
    if (family == AF_INET6) uses_ipv6[namespace_index.at(ns)] = true;
  };
  for (const EndpointInfo& endpoint : endpoints) {
    for (const IpPrefix& prefix : endpoint.addresses) mark(endpoint.ns, prefix.address.family);
  }
  for (const RouteSpec& route : spec.routes) {
    mark(route.ns, route.destination.address.family);
    for (const NexthopSpec& hop : route.nexthops) mark(route.ns, hop.via.family);
  }
  for (const NeighbourSpec& neighbour : spec.neighbours) mark(neighbour.ns, neighbour.address.family);
  for (const RuleSpec& rule : spec.rules) {
    mark(rule.ns, rule.family);
    if (rule.from) mark(rule.ns, rule.from->address.family);
    if (rule.to) mark(rule.ns, rule.to->address.family);
  }
  for (const NamespaceSpec& ns : spec.namespaces) {
    for (const auto& [key, value] : ns.sysctls) {
      if (key.find("ipv6") != std::string::npos) mark(ns.name, AF_INET6);
    }
  }
}

void TopologyPlan::FindNeighbours(const TopologySpec& spec) {
  Segments segments(endpoints.size());
  const std::size_t link_ends = spec.links.size() * 2;
  for (std::size_t i = 0; i < link_ends; i += 2) segments.Join(i, i + 1);
  for (std::size_t i = 0; i < bridge_ports.size(); ++i) {
    for (const std::size_t port : bridge_ports[i]) segments.Join(port, link_ends + i);
  }
  std::unordered_map<std::size_t, std::vector<std::size_t>> with_addresses;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    if (!endpoints[i].addresses.empty()) with_addresses[segments.Find(i)].push_back(i);
  }
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    // One without addresses answers nobody, but may route to the others' addresses by a device route.
    const auto others = with_addresses.find(segments.Find(i));
    if (others == with_addresses.end()) continue;
    for (const std::size_t other : others->second) {
      if (other == i) continue;
      for (const IpPrefix& prefix : endpoints[other].addresses) {
        if (prefix.address.family == AF_INET6 && !uses_ipv6[namespace_of[i]]) continue;
        neighbours.push_back({i, prefix.address, endpoints[other].mac});
      }
    }
  }
}

}  // namespace knetlab
