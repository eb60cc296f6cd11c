// SPDX-License-Identifier: Apache-2.0
#include "netns/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "netns/test_support.h"

namespace knetlab {
namespace {

using test::ClientAndServer;
using test::ErrorOf;
using test::Output;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ExpandFamily, NumbersItsMembers) {
  EXPECT_THAT(ExpandFamily("server[1..3]"), ElementsAre("server1", "server2", "server3"));
  EXPECT_THAT(ExpandFamily("server"), ElementsAre("server"));
}

TEST(ExpandFamily, RefusesWhatIsNoFamily) {
  for (const char* bad : {"server[", "server[1]", "server[3..1]", "server[a..b]", "server[1..3",
                          "server[1..3]x", "server]1..3[", "server[1..99999999]", "server[-1..1]"}) {
    EXPECT_THROW(ExpandFamily(bad), Error) << bad;
  }
}

TEST(Topology, LinksNamespacesWithAddressesAndFixedMacs) {
  const auto topology = Topology::Build(ClientAndServer());
  const std::string link = Output(topology.ns("server"), "ip -o link show eth0");
  EXPECT_THAT(link, HasSubstr("02:00:00:00:00:02"));
  EXPECT_THAT(link, HasSubstr("state UP"));
  EXPECT_THAT(link, HasSubstr("mtu 1500"));
  EXPECT_THAT(link, Not(HasSubstr("NOARP")));
  EXPECT_THAT(link, HasSubstr("MULTICAST"));
  const std::string addresses = Output(topology.ns("server"), "ip -o addr show eth0");
  EXPECT_THAT(addresses, HasSubstr("10.0.0.2/24"));
  EXPECT_THAT(addresses, HasSubstr("fd00::2/64"));
  EXPECT_THAT(addresses, Not(HasSubstr("fe80"))) << "no address that nobody declared";
  EXPECT_THAT(addresses, Not(HasSubstr("tentative")));
}

TEST(Topology, DescribesItsEndpointsAsTheKernelDoes) {
  const auto topology = Topology::Build(ClientAndServer());
  ASSERT_EQ(topology.endpoints().size(), 2U);
  const EndpointInfo& server = topology.endpoint("server:eth0");
  EXPECT_THAT(Output(topology.ns("server"), "ip -o link show eth0"),
              testing::StartsWith(std::to_string(server.ifindex) + ": eth0@"));
  EXPECT_EQ(server.mac.ToString(), "02:00:00:00:00:02");
  EXPECT_EQ(server.mtu, 1500);
  EXPECT_EQ(server.peer_ns, "client");
  EXPECT_EQ(server.peer_interface, "eth0");
  EXPECT_NE(server.ifindex, topology.endpoint("client:eth0").ifindex);
}

TEST(Topology, CarriesPacketsAtOnce) {
  const auto topology = Topology::Build(ClientAndServer());
  EXPECT_EQ(test::SendDatagram(topology.ns("client"), topology.ns("server"), "10.0.0.2", "one"), "one");
  EXPECT_EQ(test::SendDatagram(topology.ns("server"), topology.ns("client"), "fd00::1", "two"), "two");
}

TEST(Topology, KnowsTheOtherEndsAddressesForEver) {
  const auto topology = Topology::Build(ClientAndServer());
  EXPECT_THAT(Output(topology.ns("client"), "ip neigh"),
              HasSubstr("10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 PERMANENT"));
  EXPECT_THAT(Output(topology.ns("client"), "ip neigh"),
              HasSubstr("fd00::2 dev eth0 lladdr 02:00:00:00:00:02 PERMANENT"));
}

TEST(Topology, TakesGivenMacMtuAndQueues) {
  auto spec = ClientAndServer();
  spec.links[0].ends[0].mac = MacAddress::Parse("02:aa:bb:cc:dd:ee");
  spec.links[0].mtu = 3000;
  spec.links[0].queues = 4;
  const auto topology = Topology::Build(spec);
  const std::string link = Output(topology.ns("client"), "ip -d -o link show eth0");
  EXPECT_THAT(link, HasSubstr("02:aa:bb:cc:dd:ee"));
  EXPECT_THAT(link, HasSubstr("mtu 3000"));
  EXPECT_THAT(link, HasSubstr("numtxqueues 4 numrxqueues 4"));
  EXPECT_THAT(Output(topology.ns("server"), "ip neigh"), HasSubstr("02:aa:bb:cc:dd:ee PERMANENT"));
}

TEST(Topology, GivesTheSameMacsAndNumbersEachTime) {
  const auto one = Topology::Build(ClientAndServer());
  const auto two = Topology::Build(ClientAndServer());
  for (const char* name : {"client:eth0", "server:eth0"}) {
    EXPECT_EQ(one.endpoint(name).mac, two.endpoint(name).mac);
    EXPECT_EQ(one.endpoint(name).ifindex, two.endpoint(name).ifindex);
  }
}

TEST(Topology, MayLinkANamespaceWithItself) {
  TopologySpec spec = ClientAndServer();
  spec.links[0].ends[1].ns = "client";
  spec.links[0].ends[1].interface = "eth1";
  const auto topology = Topology::Build(spec);
  EXPECT_EQ(topology.endpoint("client:eth1").peer_interface, "eth0");
}

TEST(Topology, NamesTheNearestNamespaceAndEndpoint) {
  const auto topology = Topology::Build(ClientAndServer());
  EXPECT_EQ(ErrorOf([&] { topology.ns("sevrer"); }).hint, "did you mean server?");
  EXPECT_EQ(ErrorOf([&] { topology.endpoint("server:eth1"); }).hint, "did you mean server:eth0?");
}

TEST(Topology, RefusesALinkToANamespaceThatIsNotDeclared) {
  auto spec = ClientAndServer();
  spec.links[0].ends[1].ns = "servr";
  const ErrorParts error = ErrorOf([&] { Topology::Build(spec); });
  EXPECT_THAT(error.where, HasSubstr("servr:eth0"));
  EXPECT_EQ(error.why, "no namespace 'servr'");
  EXPECT_EQ(error.hint, "did you mean server?");
}

TEST(Topology, RefusesNamesTakenTwice) {
  auto spec = ClientAndServer();
  spec.namespaces.push_back({.name = "client", .sysctls = {}});
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).why, "declared twice");
  spec = ClientAndServer();
  spec.links.push_back(spec.links[0]);
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).where, "client:eth0");
}

TEST(Topology, RefusesNamesTheKernelCannotHold) {
  for (const char* bad : {"", ".", "eth/0", "eth 0", "lo", "interface-name-16"}) {
    auto spec = ClientAndServer();
    spec.links[0].ends[1].interface = bad;
    EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).where, std::string("server:") + bad);
  }
  auto spec = ClientAndServer();
  spec.namespaces.push_back({.name = "../etc", .sysctls = {}});
  EXPECT_THAT(ErrorOf([&] { Topology::Build(spec); }).where, HasSubstr("../etc"));
}

TEST(Topology, GivesTheKernelsOwnWordsForWhatItRefuses) {
  auto spec = ClientAndServer();
  spec.routes.push_back({.ns = "client",
                         .destination = IpPrefix::Parse("192.0.2.0/24"),
                         .nexthops = {{.via = IpAddress::Parse("172.16.0.1"), .device = "", .weight = 1}},
                         .type = "unicast",
                         .table = {},
                         .source = {}});
  const ErrorParts error = ErrorOf([&] { Topology::Build(spec); });
  EXPECT_EQ(error.what, "add route 192.0.2.0/24");
  EXPECT_EQ(error.where, "client");
  EXPECT_THAT(error.why, HasSubstr("Nexthop has invalid gateway"));
}

TEST(Topology, LeavesNothingBehindWhenItFailsOrEnds) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = descriptors();
  auto spec = ClientAndServer();
  { const auto topology = Topology::Build(spec); }
  EXPECT_EQ(descriptors(), before);
  spec.qdiscs = {{.ns = "client", .device = "eth0", .kind = "tbf", .options = {{"rate", "1mbit"}}}};
  EXPECT_THROW(Topology::Build(spec), Error);
  EXPECT_EQ(descriptors(), before);
}

TEST(Topology, BuildsManyNamespacesInOneGo) {
  TopologySpec spec;
  for (const std::string& name : ExpandFamily("n[0..99]"))
    spec.namespaces.push_back({.name = name, .sysctls = {}});
  for (std::size_t i = 0; i < 100; ++i) {
    LinkSpec link;
    link.ends[0] = {
        .ns = spec.namespaces[i].name, .interface = "right", .addresses = {}, .mac = {}, .offloads = {}};
    link.ends[1] = {.ns = spec.namespaces[(i + 1) % 100].name,
                    .interface = "left",
                    .addresses = {},
                    .mac = {},
                    .offloads = {}};
    spec.links.push_back(link);
  }
  const auto topology = Topology::Build(spec);
  EXPECT_EQ(topology.endpoints().size(), 200U);
  EXPECT_THAT(Output(topology.ns("n57"), "ip -o link"), HasSubstr("right@"));
}

}  // namespace
}  // namespace knetlab
