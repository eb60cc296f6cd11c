// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include <chrono>
#include <thread>

#include "netns/counters.h"
#include "netns/test_support.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

// A router with forwarding on, a bridge with two ports, IPv4 and IPv6 everywhere: all that makes a kernel
// talk.
TopologySpec Talkative() {
  TopologySpec spec = test::ClientAndServer();
  spec.namespaces[1].sysctls = {{"ipv6.conf.all.forwarding", "1"}, {"ipv4.ip_forward", "1"}};
  spec.namespaces.push_back({.name = "switch", .sysctls = {}});
  spec.namespaces.push_back({.name = "quiet", .sysctls = {}});
  const auto link = [](EndpointSpec a, EndpointSpec b) {
    LinkSpec pair;
    pair.ends = {std::move(a), std::move(b)};
    return pair;
  };
  spec.links.push_back(
      link({"client", "eth1", {IpPrefix::Parse("10.1.0.1/24"), IpPrefix::Parse("fd01::1/64")}, {}, {}},
           {"switch", "port1", {}, {}, {}}));
  spec.links.push_back(
      link({"server", "eth1", {IpPrefix::Parse("10.1.0.2/24"), IpPrefix::Parse("fd01::2/64")}, {}, {}},
           {"switch", "port2", {}, {}, {}}));
  spec.links.push_back(
      link({"server", "eth2", {IpPrefix::Parse("10.2.0.1/24"), IpPrefix::Parse("fe80::1/64")}, {}, {}},
           {"quiet", "eth0", {IpPrefix::Parse("10.2.0.2/24")}, {}, {}}));
  spec.bridges.push_back({.ns = "switch",
                          .name = "br0",
                          .ports = {"port1", "port2"},
                          .addresses = {IpPrefix::Parse("10.1.0.3/24"), IpPrefix::Parse("fd01::3/64")}});
  return spec;
}

// Counters begin with the interface, so they also know what was sent before anyone could listen. A veth's two
// ends count the same packets, a bridge counts what it sends itself.
void ExpectSilent(const Topology& topology) {
  for (const EndpointInfo& endpoint : topology.endpoints()) {
    const Counters counters = LinkStatistics(topology.ns(endpoint.ns), endpoint.interface);
    for (const char* name : {"tx_packets", "rx_packets", "tx_dropped", "rx_dropped"}) {
      EXPECT_EQ(counters.at(name), 0U) << endpoint.ToString() << " " << name;
    }
  }
}

TEST(Silence, NoPacketOfTheKernelsOwnInTwoSeconds) {
  const auto topology = Topology::Build(Talkative());
  std::this_thread::sleep_for(
      std::chrono::seconds(2));  // the behaviour under test: nothing happens with time
  ExpectSilent(topology);
}

TEST(Silence, LastsWhenAnInterfaceChanges) {
  const auto topology = Topology::Build(Talkative());
  // The kernel repeats its group reports at each change it announces, as an XDP attachment is one; so is the
  // alias.
  for (const EndpointInfo& endpoint : topology.endpoints()) {
    test::Output(topology.ns(endpoint.ns), "ip link set " + endpoint.interface + " txqueuelen 500");
    test::Output(topology.ns(endpoint.ns), "ip link set " + endpoint.interface + " multicast off");
    test::Output(topology.ns(endpoint.ns), "ip link set " + endpoint.interface + " multicast on");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ExpectSilent(topology);
}

TEST(Silence, IsNotDeafness) {
  const auto topology = Topology::Build(Talkative());
  const Namespace& client = topology.ns("client");
  EXPECT_EQ(test::SendDatagram(client, topology.ns("server"), "10.1.0.2", "a"), "a");
  EXPECT_EQ(test::SendDatagram(client, topology.ns("server"), "fd01::2", "b"), "b");
  EXPECT_EQ(test::SendDatagram(client, topology.ns("switch"), "10.1.0.3", "c"), "c");
  EXPECT_EQ(test::SendDatagram(client, topology.ns("switch"), "fd01::3", "d"), "d");
  EXPECT_EQ(LinkStatistics(client, "eth1").at("tx_packets"), 4U)
      << "the datagrams, and no question for an address";
}

}  // namespace
}  // namespace knetlab
