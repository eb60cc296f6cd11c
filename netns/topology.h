// SPDX-License-Identifier: Apache-2.0
// Builds a TopologySpec as one and removes it as one.
//
// Silent by construction: the kernel sends no packet of its own in a built topology. Addresses are usable at
// once (no duplicate address detection), both ends of each link know each other by permanent neighbour
// entries for all declared addresses, there are no link-local IPv6 addresses, no router solicitations and no
// multicast reports.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netns/namespace.h"
#include "netns/topology_spec.h"

namespace knetlab {

// "server[1..3]" -> {"server1", "server2", "server3"}; a name without brackets gives itself. Throws Error.
std::vector<std::string> ExpandFamily(std::string_view name);

struct EndpointInfo {
  std::string ns;
  std::string interface;
  int ifindex = 0;
  MacAddress mac;
  int mtu = 0;
  std::vector<IpPrefix> addresses;
  std::string peer_ns;  // of a link: the other side
  std::string peer_interface;
  std::string ToString() const { return ns + ":" + interface; }
};

class Topology {
 public:
  // Throws Error with the netlink extended acknowledgement; what was built until then is gone again.
  static Topology Build(const TopologySpec& spec);

  Topology(Topology&&) noexcept;
  Topology& operator=(Topology&&) noexcept;
  ~Topology();  // the kernel removes the namespaces in the background

  const TopologySpec& spec() const;
  const Namespace& ns(std::string_view name) const;  // throws Error, with the nearest name
  const std::vector<EndpointInfo>& endpoints() const;
  // "server:eth0"; throws Error, with the nearest name.
  const EndpointInfo& endpoint(std::string_view ns_and_interface) const;

  // Gives the namespaces names below /run/netns, `PREFIX-NAME`, so that they outlive the process and `ip
  // netns exec` works; they are marked with this process's pid and start time (netns/kept.h). With
  // `on_purpose` they stay until they are removed by name, else until a sweep finds this process gone. Throws
  // Error where a name is taken.
  // `descriptors`: what else is to stay as long, such as programs attached; a process of their own holds
  // them.
  void Keep(const std::string& prefix, bool on_purpose = true, const std::vector<int>& descriptors = {});

  // Turns GRO on at an endpoint, which gives the veth a NAPI instance, so that frames redirected to its peer
  // are received.
  void EnableNapi(const EndpointInfo& endpoint) const;
  // Turns an ethtool -k feature on or off. Throws Error (with the feature's name where the kernel has none
  // such).
  void SetOffload(const EndpointInfo& endpoint, const std::string& feature, bool on) const;

 private:
  struct Impl;
  explicit Topology(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
