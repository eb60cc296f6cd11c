// SPDX-License-Identifier: Apache-2.0
#include "netns/topology_builder.h"

#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "netns/device_attribute.h"
#include "netns/error.h"
#include "netns/ethtool.h"
#include "netns/messages.h"
#include "netns/sysctl.h"
#include "netns/visit.h"

namespace knetlab {
namespace {

constexpr int kLoopback = 1;  // the loopback device's number in every namespace
constexpr auto kPatience = std::chrono::seconds(10);

// What keeps the kernel silent on IPv6 (link_messages.cc tells the rest). Written before there is any
// interface but lo, so that interfaces inherit it. A namespace without any declared IPv6 has IPv6 off: else
// each interface would make itself a link-local address, look for duplicates of it, report its groups and ask
// for routers.
void SilenceIpv6(const std::string& label, bool uses_ipv6) {
  static const bool kernel_has_ipv6 = ::access("/proc/sys/net/ipv6", F_OK) == 0;
  if (!kernel_has_ipv6) return;
  if (!uses_ipv6) {
    WriteSysctl(label, "ipv6.conf.all.disable_ipv6", "1");
    return;
  }
  WriteSysctl(label, "ipv6.conf.default.addr_gen_mode", "1");
  WriteSysctl(label, "ipv6.conf.default.accept_dad", "0");
  WriteSysctl(label, "ipv6.conf.default.router_solicitations", "0");
  // A router advertisement in a capture would make the interface an address of its own.
  WriteSysctl(label, "ipv6.conf.default.accept_ra", "0");
}

}  // namespace

std::vector<Namespace> TopologyBuilder::Build() {
  CreateNamespacesAndLinks();
  CreateBridges();
  AddAddresses();
  SetTunables();
  BringUp();
  AwaitOperational();
  AddNeighbours();
  AddRoutes();
  AddRules();
  AddQdiscs();
  return std::move(namespaces_);
}

// Namespaces and links in one phase. The kernel makes namespaces in parallel but links one at a time
// (rtnl_mutex): a link made as soon as both its namespaces are there costs hardly any time of its own while
// the other thread makes the next namespace.
void TopologyBuilder::CreateNamespacesAndLinks() {
  std::vector<std::string> labels;
  labels.reserve(spec_.namespaces.size());
  for (const NamespaceSpec& ns : spec_.namespaces) labels.push_back(ns.name);
  sockets_.resize(labels.size());
  namespace_fds_.resize(labels.size());
  links_of_.resize(labels.size());
  missing_ends_ = std::vector<std::atomic<int>>(spec_.links.size());
  for (std::size_t link = 0; link < spec_.links.size(); ++link) {
    const std::size_t one = plan_.namespace_of[2 * link];
    const std::size_t two = plan_.namespace_of[2 * link + 1];
    links_of_[one].push_back(link);
    if (two != one) links_of_[two].push_back(link);
    missing_ends_[link] = two == one ? 1 : 2;
  }
  namespaces_ = Namespace::CreateMany(labels, [&](std::size_t ns, int fd) { StartNamespace(ns, fd); });
}

void TopologyBuilder::StartNamespace(std::size_t ns, int fd) {
  sockets_[ns].emplace();
  SilenceIpv6(spec_.namespaces[ns].name, plan_.uses_ipv6[ns]);
  std::call_once(numbered_, [&] { NumberInterfaces(*sockets_[ns]); });
  namespace_fds_[ns] = fd;
  std::vector<NetlinkRequest> batch;
  batch.push_back({LinkUp(kLoopback), "bring up", spec_.namespaces[ns].name + ":lo"});
  for (const std::size_t link : links_of_[ns]) {
    // Whoever comes last makes the link. The counter also publishes the other side's descriptor.
    if (missing_ends_[link].fetch_sub(1) == 1) batch.push_back(LinkRequest(link, ns));
  }
  sockets_[ns]->Transact(batch);
}

// Numbers are chosen here, not by the kernel: they need not be asked for, they are the same in each run, and
// no two interfaces of a topology have the same one. The last is needed: the kernel (to 6.8) takes an
// interface whose peer has its own number for one without a peer and may leave it without carrier for up to a
// second (linkwatch_urgent_event).
void TopologyBuilder::NumberInterfaces(NetlinkSocket& socket) {
  int last =
      kLoopback;  // tunnel modules put their fallback devices into each new namespace, the same into all
  socket.Transact({DumpLinks(), "list interfaces", "of a new namespace"}, [&](const nlmsghdr* reply) {
    if (reply->nlmsg_type == RTM_NEWLINK)
      last = std::max(last, static_cast<const ifinfomsg*>(nlmsg_data(reply))->ifi_index);
  });
  for (EndpointInfo& endpoint : plan_.endpoints) endpoint.ifindex += last + 1;
}

NetlinkRequest TopologyBuilder::LinkRequest(std::size_t link, std::size_t from_ns) const {
  const LinkSpec& spec = spec_.links[link];
  const std::size_t here = plan_.namespace_of[2 * link] == from_ns ? 2 * link : 2 * link + 1;
  const std::size_t there = here ^ 1U;
  const auto end = [&](std::size_t endpoint) {
    const EndpointInfo& info = plan_.endpoints[endpoint];
    return VethEnd{info.interface, info.ifindex, info.mac, QuietIpv6(endpoint)};
  };
  return {NewVeth(end(here), end(there), namespace_fds_[plan_.namespace_of[there]], spec.mtu, spec.queues),
          "create link", fmt::format("{} - {}", spec.ends[0].ToString(), spec.ends[1].ToString())};
}

std::vector<std::vector<NetlinkRequest>> TopologyBuilder::NewBatches() const {
  return std::vector<std::vector<NetlinkRequest>>(namespaces_.size());
}

void TopologyBuilder::SendAll(std::vector<std::vector<NetlinkRequest>>& batches) {
  for (std::size_t ns = 0; ns < batches.size(); ++ns) sockets_[ns]->Transact(batches[ns]);
}

void TopologyBuilder::CreateBridges() {
  auto batches = NewBatches();
  for (std::size_t i = 0; i < spec_.bridges.size(); ++i) {
    const std::size_t position = 2 * spec_.links.size() + i;
    const EndpointInfo& bridge = plan_.endpoints[position];
    auto& batch = batches[plan_.namespace_of[position]];
    batch.push_back({NewBridge({bridge.interface, bridge.ifindex, bridge.mac, QuietIpv6(position)}),
                     "create bridge", bridge.ToString()});
    for (const std::size_t port : plan_.bridge_ports[i]) {
      batch.push_back({SetMaster(plan_.endpoints[port].ifindex, bridge.ifindex),
                       fmt::format("add port {} to bridge", plan_.endpoints[port].interface),
                       bridge.ToString()});
    }
  }
  SendAll(batches);
}

void TopologyBuilder::AddAddresses() {
  auto batches = NewBatches();
  std::vector<bool> has_ipv6(namespaces_.size());
  for (std::size_t i = 0; i < plan_.endpoints.size(); ++i) {
    const EndpointInfo& endpoint = plan_.endpoints[i];
    const std::size_t ns = plan_.namespace_of[i];
    for (const IpPrefix& prefix : endpoint.addresses) {
      batches[ns].push_back(
          {NewAddress(endpoint.ifindex, prefix), "add address " + prefix.ToString(), endpoint.ToString()});
      if (prefix.address.family == AF_INET6) has_ipv6[ns] = true;
    }
  }
  SendAll(batches);
  for (std::size_t ns = 0; ns < namespaces_.size(); ++ns) {
    if (has_ipv6[ns]) AwaitIpv6Addresses(ns);
  }
}

// Asks until nothing is left to wait for, in between waiting for the kernel's notifications. Subscribed
// first, then asked: a change between the two is in the answer, one after it wakes the wait.
template <typename Unfinished>
void TopologyBuilder::Await(std::size_t ns, unsigned group, const char* what, Unfinished unfinished) {
  if (unfinished().empty()) return;
  // A socket of its own: notifications that overrun it must not cost acknowledgements.
  std::optional<NetlinkSocket> notifications;
  VisitNamespaces({&namespaces_[ns]}, [&](std::size_t) {
    notifications.emplace();
    notifications->Subscribe(group);
  });
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (std::string waiting = unfinished(); !waiting.empty(); waiting = unfinished()) {
    if (!notifications->AwaitNotification(deadline)) throw ErrnoError(what, waiting, ETIMEDOUT);
  }
}

// Even without duplicate address detection a kernel worker finishes each IPv6 address: only then it is no
// longer tentative and has its local route. It must be done before the interfaces lose IFF_NOARP.
void TopologyBuilder::AwaitIpv6Addresses(std::size_t ns) {
  Await(ns, RTNLGRP_IPV6_IFADDR, "await IPv6 addresses of", [&] {
    std::string tentative;
    const std::string& label = namespaces_[ns].label();
    sockets_[ns]->Transact({DumpAddresses(AF_INET6), "list addresses of", label}, [&](const nlmsghdr* reply) {
      const auto* header = static_cast<const ifaddrmsg*>(nlmsg_data(reply));
      if (reply->nlmsg_type == RTM_NEWADDR && (header->ifa_flags & IFA_F_TENTATIVE) != 0) tentative = label;
    });
    return tentative;
  });
}

void TopologyBuilder::SetTunables() {
  std::vector<std::vector<std::pair<std::size_t, const EndpointSpec*>>> tuned(namespaces_.size());
  for (std::size_t i = 0; i < 2 * spec_.links.size(); ++i) {
    const EndpointSpec& end = spec_.links[i / 2].ends[i % 2];
    if (!end.offloads.empty() || !end.sysfs.empty()) tuned[plan_.namespace_of[i]].emplace_back(i, &end);
  }
  std::vector<const Namespace*> visited;
  std::vector<std::size_t> positions;
  for (std::size_t ns = 0; ns < namespaces_.size(); ++ns) {
    if (spec_.namespaces[ns].sysctls.empty() && tuned[ns].empty()) continue;
    visited.push_back(&namespaces_[ns]);
    positions.push_back(ns);
  }
  VisitNamespaces(visited, [&](std::size_t i) {
    const NamespaceSpec& ns = spec_.namespaces[positions[i]];
    for (const auto& [key, value] : ns.sysctls) WriteSysctl(ns.name, key, value);
    for (const auto& [endpoint, end] : tuned[positions[i]]) {
      SetFeatures(plan_.endpoints[endpoint].ifindex, end->ToString(), end->offloads);
      WriteDeviceAttributes(end->interface, end->ToString(), end->sysfs);
    }
  });
}

void TopologyBuilder::BringUp() {
  auto batches = NewBatches();
  for (std::size_t ns = 0; ns < namespaces_.size(); ++ns) {
    for (const std::size_t i : plan_.endpoints_of[ns]) {
      if (QuietIpv6(i)) {
        batches[ns].push_back(
            {EndQuietIpv6(plan_.endpoints[i].ifindex), "set flags of", plan_.endpoints[i].ToString()});
      }
      batches[ns].push_back({LinkUp(plan_.endpoints[i].ifindex), "bring up", plan_.endpoints[i].ToString()});
    }
  }
  SendAll(batches);
}

// One of the interfaces that cannot carry packets yet, or "".
std::string TopologyBuilder::NotOperational(std::size_t ns) {
  std::vector<NetlinkRequest> batch;
  std::unordered_map<int, std::string> waiting;
  for (const std::size_t i : plan_.endpoints_of[ns]) {
    const bool lone_bridge =
        i >= 2 * spec_.links.size() && plan_.bridge_ports[i - 2 * spec_.links.size()].empty();
    if (lone_bridge) continue;  // no port, no carrier
    const EndpointInfo& endpoint = plan_.endpoints[i];
    batch.push_back({GetLink(endpoint.ifindex), "read state of", endpoint.ToString()});
    waiting[endpoint.ifindex] = endpoint.ToString();
  }
  sockets_[ns]->Transact(batch, [&](const nlmsghdr* reply) {
    if (reply->nlmsg_type != RTM_NEWLINK) return;
    const auto* state = nlmsg_find_attr(const_cast<nlmsghdr*>(reply), sizeof(ifinfomsg), IFLA_OPERSTATE);
    if (state == nullptr || nla_get_u8(state) != IF_OPER_UP) return;
    waiting.erase(static_cast<const ifinfomsg*>(nlmsg_data(reply))->ifi_index);
  });
  return waiting.empty() ? "" : waiting.begin()->second;
}

// A link that is up still drops what is sent until a kernel worker has noticed the carrier. Since 6.9 asking
// for the link makes the kernel notice at once; before, notifications tell.
void TopologyBuilder::AwaitOperational() {
  for (std::size_t ns = 0; ns < namespaces_.size(); ++ns) {
    Await(ns, RTNLGRP_LINK, "await carrier of", [&] { return NotOperational(ns); });
  }
}

void TopologyBuilder::AddNeighbours() {
  auto batches = NewBatches();
  std::vector<bool> has_routes(namespaces_.size());
  for (const RouteSpec& route : spec_.routes) has_routes[plan_.namespace_index.at(route.ns)] = true;
  for (std::size_t i = 0; i < plan_.endpoints.size(); ++i) {
    const EndpointInfo& endpoint = plan_.endpoints[i];
    const std::size_t ns = plan_.namespace_of[i];
    for (const int family : {AF_INET, AF_INET6}) {
      if (family == AF_INET6 && !plan_.uses_ipv6[ns]) continue;
      // Without an address or a route nothing looks for neighbours, and of a thousand interfaces this is a
      // tenth of the time.
      if (endpoint.addresses.empty() && !has_routes[ns]) continue;
      batches[ns].push_back({HurryNeighbours(endpoint.ifindex, family), "set the patience with neighbours of",
                             endpoint.ToString()});
    }
  }
  for (const PlannedNeighbour& neighbour : plan_.neighbours) {
    const EndpointInfo& endpoint = plan_.endpoints[neighbour.endpoint];
    batches[plan_.namespace_of[neighbour.endpoint]].push_back(
        {NewNeighbour(endpoint.ifindex, neighbour.address, neighbour.mac),
         "add neighbour " + neighbour.address.ToString(), endpoint.ToString()});
  }
  for (const NeighbourSpec& neighbour : spec_.neighbours) {
    batches[plan_.namespace_index.at(neighbour.ns)].push_back(
        {NewNeighbour(DeviceIndex(neighbour.ns, neighbour.device), neighbour.address, neighbour.mac),
         "add neighbour " + neighbour.address.ToString(), neighbour.ns + ":" + neighbour.device});
  }
  SendAll(batches);
}

int TopologyBuilder::DeviceIndex(const std::string& ns, const std::string& device) const {
  if (device.empty()) return 0;
  if (device == "lo") return kLoopback;
  return plan_.endpoints[plan_.endpoint_index.at(ns + ":" + device)].ifindex;
}

void TopologyBuilder::AddRoutes() {
  auto batches = NewBatches();
  for (const RouteSpec& route : spec_.routes) {
    std::vector<ResolvedNexthop> nexthops;
    for (const NexthopSpec& hop : route.nexthops)
      nexthops.push_back({hop.via, DeviceIndex(route.ns, hop.device), hop.weight});
    batches[plan_.namespace_index.at(route.ns)].push_back(
        {NewRoute(route, nexthops), "add route " + route.destination.ToString(), route.ns});
  }
  SendAll(batches);
}

void TopologyBuilder::AddRules() {
  auto batches = NewBatches();
  for (const RuleSpec& rule : spec_.rules) {
    int family = rule.family;
    if (family == 0 && rule.from) family = rule.from->address.family;
    if (family == 0 && rule.to) family = rule.to->address.family;
    if (family == 0) family = AF_INET;
    batches[plan_.namespace_index.at(rule.ns)].push_back(
        {NewRule(rule, family), fmt::format("add rule to table {}", rule.table), rule.ns});
  }
  SendAll(batches);
}

void TopologyBuilder::AddQdiscs() {
  auto batches = NewBatches();
  for (const QdiscSpec& qdisc : spec_.qdiscs) {
    const std::string where = qdisc.ns + ":" + qdisc.device;
    batches[plan_.namespace_index.at(qdisc.ns)].push_back(
        {NewQdisc(DeviceIndex(qdisc.ns, qdisc.device), qdisc, where), "add qdisc " + qdisc.kind, where,
         [kind = qdisc.kind](int code) { return QdiscHint(kind, code); }});
  }
  SendAll(batches);
}

}  // namespace knetlab
