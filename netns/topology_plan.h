// SPDX-License-Identifier: Apache-2.0
// A TopologySpec, checked and resolved: names become positions, addresses of a shared segment become
// neighbour entries. Nothing here touches the kernel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "netns/topology.h"
#include "netns/topology_spec.h"

namespace knetlab {

struct PlannedNeighbour {
  std::size_t endpoint = 0;  // whose table
  IpAddress address;
  MacAddress mac;
};

struct TopologyPlan {
  // Throws Error for a name that is invalid, taken or unknown (with the nearest one), a number out of range,
  // an unknown route type.
  explicit TopologyPlan(const TopologySpec& spec);

  std::size_t NamespaceOf(const std::string& name, const std::string& for_what) const;
  // The position of an interface among `endpoints`; throws Error with the nearest name. Not for "lo".
  std::size_t EndpointOf(const std::string& ns, const std::string& interface,
                         const std::string& for_what) const;

  std::unordered_map<std::string, std::size_t> namespace_index;
  std::vector<bool> uses_ipv6;  // by namespace: something of IPv6 is declared there

  // Both ends of each link (2 i, 2 i + 1), then the bridges; `ifindex` counts from 0.
  std::vector<EndpointInfo> endpoints;
  std::vector<std::size_t> namespace_of;                        // by endpoint
  std::vector<std::vector<std::size_t>> endpoints_of;           // by namespace
  std::unordered_map<std::string, std::size_t> endpoint_index;  // "server:eth0"
  std::vector<std::vector<std::size_t>> bridge_ports;           // by bridge, positions among endpoints
  std::vector<PlannedNeighbour> neighbours;

 private:
  void AddNamespaces(const TopologySpec& spec);
  void AddLinks(const TopologySpec& spec);
  void AddBridges(const TopologySpec& spec);
  void AddEndpoint(EndpointInfo info, std::size_t ns);
  void FindIpv6(const TopologySpec& spec);
  void FindNeighbours(const TopologySpec& spec);
};

}  // namespace knetlab
