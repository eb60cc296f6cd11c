// SPDX-License-Identifier: Apache-2.0
// What a topology may declare beside links and addresses, each looked at with iproute2 and ethtool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netns/ethtool.h"
#include "netns/test_support.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using test::ClientAndServer;
using test::ErrorOf;
using test::Output;
using testing::HasSubstr;

// RouteSpec and QdiscSpec have members that most tests leave alone.
RouteSpec Route(std::string ns, const char* destination, std::vector<NexthopSpec> nexthops,
                std::string type = "unicast") {
  RouteSpec route;
  route.ns = std::move(ns);
  route.destination = IpPrefix::Parse(destination);
  route.nexthops = std::move(nexthops);
  route.type = std::move(type);
  return route;
}

NexthopSpec Via(const char* address, int weight = 1) {
  return {.via = IpAddress::Parse(address), .device = "", .weight = weight};
}
NexthopSpec Device(const char* name) {
  return {.via = {}, .device = name, .weight = 1};
}

TEST(Routes, GoThroughGatewaysAndDevicesInBothFamilies) {
  auto spec = ClientAndServer();
  spec.routes = {Route("client", "192.0.2.7/24", {Via("10.0.0.2")}),
                 Route("client", "198.51.100.0/24", {Device("eth0")}),
                 Route("client", "2001:db8::/32", {Via("fd00::2")}),
                 Route("client", "0.0.0.0/0", {Via("10.0.0.2")})};
  spec.routes[0].source = IpAddress::Parse("10.0.0.1");
  const auto topology = Topology::Build(spec);
  const std::string ipv4 = Output(topology.ns("client"), "ip route");
  EXPECT_THAT(ipv4, HasSubstr("192.0.2.0/24 via 10.0.0.2 dev eth0 proto static src 10.0.0.1"));
  EXPECT_THAT(ipv4, HasSubstr("198.51.100.0/24 dev eth0 proto static scope link"));
  EXPECT_THAT(ipv4, HasSubstr("default via 10.0.0.2 dev eth0"));
  EXPECT_THAT(Output(topology.ns("client"), "ip -6 route"), HasSubstr("2001:db8::/32 via fd00::2 dev eth0"));
}

TEST(Routes, SpreadOverSeveralNexthopsByWeight) {
  auto spec = ClientAndServer();
  spec.links[0].ends[1].addresses.push_back(IpPrefix::Parse("10.0.0.3/24"));
  spec.routes = {Route("client", "192.0.2.0/24", {Via("10.0.0.2", 3), Via("10.0.0.3")}),
                 Route("client", "2001:db8::/32", {Via("fd00::2"), Via("fd00::3")})};
  spec.links[0].ends[1].addresses.push_back(IpPrefix::Parse("fd00::3/64"));
  const auto topology = Topology::Build(spec);
  const std::string ipv4 = Output(topology.ns("client"), "ip route show 192.0.2.0/24");
  EXPECT_THAT(ipv4, HasSubstr("nexthop via 10.0.0.2 dev eth0 weight 3"));
  EXPECT_THAT(ipv4, HasSubstr("nexthop via 10.0.0.3 dev eth0 weight 1"));
  const std::string ipv6 = Output(topology.ns("client"), "ip -6 route show 2001:db8::/32");
  EXPECT_THAT(ipv6, HasSubstr("nexthop via fd00::2"));
  EXPECT_THAT(ipv6, HasSubstr("nexthop via fd00::3"));
}

TEST(Routes, TakeAWholePrefixAsLocal) {
  auto spec = ClientAndServer();
  spec.routes = {Route("server", "192.0.2.0/24", {Device("lo")}, "local"),
                 Route("client", "192.0.2.0/24", {Via("10.0.0.2")}),
                 Route("server", "2001:db8::/32", {Device("lo")}, "local"),
                 Route("client", "2001:db8::/32", {Via("fd00::2")})};
  const auto topology = Topology::Build(spec);
  EXPECT_EQ(test::SendDatagram(topology.ns("client"), topology.ns("server"), "192.0.2.99", "any"), "any");
  EXPECT_EQ(test::SendDatagram(topology.ns("client"), topology.ns("server"), "2001:db8::99", "any"), "any");
}

TEST(Routes, RefuseToSendAnythingAnywhere) {
  auto spec = ClientAndServer();
  spec.routes = {Route("client", "192.0.2.0/24", {}, "blackhole"),
                 Route("client", "198.51.100.0/24", {}, "unreachable"),
                 Route("client", "203.0.113.0/24", {}, "prohibit")};
  spec.routes[2].table = 1234;
  const auto topology = Topology::Build(spec);
  EXPECT_THAT(Output(topology.ns("client"), "ip route"), HasSubstr("blackhole 192.0.2.0/24"));
  EXPECT_THAT(Output(topology.ns("client"), "ip route"), HasSubstr("unreachable 198.51.100.0/24"));
  EXPECT_THAT(Output(topology.ns("client"), "ip route show table 1234"),
              HasSubstr("prohibit 203.0.113.0/24"));
}

TEST(Routes, AreCheckedBeforeAnythingIsBuilt) {
  auto spec = ClientAndServer();
  spec.routes = {Route("client", "192.0.2.0/24", {}, "blackhol")};
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).hint, "did you mean blackhole?");
  spec.routes = {Route("client", "192.0.2.0/24", {Device("eth1")})};
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).hint, "did you mean eth0?");
  spec.routes = {Route("client", "192.0.2.0/24", {})};
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).why, "no nexthop");
}

TEST(Rules, ChooseATable) {
  auto spec = ClientAndServer();
  RuleSpec rule;
  rule.ns = "server";
  rule.from = IpPrefix::Parse("10.0.0.0/24");
  rule.fwmark = 7;
  rule.iif = "eth0";
  rule.table = 100;
  rule.priority = 55;
  spec.rules.push_back(rule);
  rule.from = IpPrefix::Parse("fd00::/64");
  rule.table = 300;
  spec.rules.push_back(rule);
  const auto topology = Topology::Build(spec);
  EXPECT_THAT(Output(topology.ns("server"), "ip rule"),
              HasSubstr("55:\tfrom 10.0.0.0/24 fwmark 0x7 iif eth0 lookup 100"));
  EXPECT_THAT(Output(topology.ns("server"), "ip -6 rule"),
              HasSubstr("55:\tfrom fd00::/64 fwmark 0x7 iif eth0 lookup 300"));
}

TEST(Neighbours, MayBeDeclaredForAddressesNobodyHas) {
  auto spec = ClientAndServer();
  spec.neighbours.push_back({.ns = "client",
                             .device = "eth0",
                             .address = IpAddress::Parse("10.0.0.77"),
                             .mac = MacAddress::Parse("02:77:00:00:00:01")});
  const auto topology = Topology::Build(spec);
  EXPECT_THAT(Output(topology.ns("client"), "ip neigh"),
              HasSubstr("10.0.0.77 dev eth0 lladdr 02:77:00:00:00:01 PERMANENT"));
}

TEST(Sysctls, AreSetInTheirNamespaceOnly) {
  auto spec = ClientAndServer();
  spec.namespaces[1].sysctls = {
      {"ipv4.ip_forward", "1"}, {"ipv4/conf/eth0/rp_filter", "2"}, {"ipv6.conf.all.forwarding", "1"}};
  const auto topology = Topology::Build(spec);
  EXPECT_EQ(Output(topology.ns("server"), "cat /proc/sys/net/ipv4/ip_forward"), "1\n");
  EXPECT_EQ(Output(topology.ns("server"), "cat /proc/sys/net/ipv4/conf/eth0/rp_filter"), "2\n");
  EXPECT_EQ(Output(topology.ns("client"), "cat /proc/sys/net/ipv4/ip_forward"), "0\n");
}

TEST(Sysctls, NameTheNearestKey) {
  auto spec = ClientAndServer();
  spec.namespaces[1].sysctls = {{"ipv4.ip_forwrad", "1"}};
  const ErrorParts error = ErrorOf([&] { Topology::Build(spec); });
  EXPECT_EQ(error.what, "set sysctl net.ipv4.ip_forwrad=1");
  EXPECT_EQ(error.where, "server");
  EXPECT_EQ(error.hint, "did you mean ip_forward in place of ip_forwrad?");
}

TEST(Sysctls, StayBelowNet) {
  for (const char* key :
       {"../kernel/panic", "ipv4/../../kernel/panic", "/etc/passwd", "", "ipv4//ip_forward/."}) {
    auto spec = ClientAndServer();
    spec.namespaces[1].sysctls = {{key, "1"}};
    EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).why, "not a key") << key;
  }
}

TEST(Offloads, AreSetByTheNamesOfEthtool) {
  auto spec = ClientAndServer();
  spec.links[0].ends[0].offloads = {{"tx-checksum-ip-generic", false}, {"generic-receive-offload", true}};
  const auto topology = Topology::Build(spec);
  const std::string client = Output(topology.ns("client"), "ethtool -k eth0");
  EXPECT_THAT(client, HasSubstr("tx-checksum-ip-generic: off"));
  EXPECT_THAT(client, HasSubstr("generic-receive-offload: on"));
  EXPECT_THAT(Output(topology.ns("server"), "ethtool -k eth0"), HasSubstr("tx-checksum-ip-generic: on"));
}

TEST(Offloads, ChangeWhileTheTopologyLives) {
  const auto topology = Topology::Build(ClientAndServer());
  const EndpointInfo& server = topology.endpoint("server:eth0");
  topology.EnableNapi(server);
  topology.SetOffload(server, "tx-checksumming", false);
  topology.SetOffload(server, "tcp-segmentation-offload", false);
  const std::string features = Output(topology.ns("server"), "ethtool -k eth0");
  EXPECT_THAT(features, HasSubstr("generic-receive-offload: on"));
  EXPECT_THAT(features, HasSubstr("tx-checksumming: off"));
  EXPECT_THAT(features, HasSubstr("tcp-segmentation-offload: off"));
  topology.SetOffload(server, "tx-checksumming", true);
  EXPECT_THAT(Output(topology.ns("server"), "ethtool -k eth0"), HasSubstr("tx-checksumming: on"));
  const auto read = topology.ns("server").Run([&] { return GetFeatures(server.ifindex, "server:eth0"); });
  EXPECT_TRUE(read.at("rx-gro"));
  EXPECT_FALSE(read.at("tx-tcp-segmentation"));
}

TEST(Offloads, SayWhatTheKernelDoesNotKnowOrCannotChange) {
  const auto topology = Topology::Build(ClientAndServer());
  const EndpointInfo& server = topology.endpoint("server:eth0");
  const ErrorParts unknown = ErrorOf([&] { topology.SetOffload(server, "rx-groo", true); });
  EXPECT_EQ(unknown.what, "turn rx-groo on");
  EXPECT_EQ(unknown.where, "server:eth0");
  EXPECT_EQ(unknown.hint, "did you mean rx-gro?");
  EXPECT_EQ(ErrorOf([&] { topology.SetOffload(server, "rx-lro", true); }).why,
            "the feature is fixed for this interface");
}

TEST(Bridges, JoinTheirPorts) {
  TopologySpec spec;
  for (const char* name : {"one", "two", "switch"}) spec.namespaces.push_back({.name = name, .sysctls = {}});
  for (int i = 1; i <= 2; ++i) {
    LinkSpec link;
    link.mtu = 1400;
    link.ends[0] = {.ns = i == 1 ? "one" : "two",
                    .interface = "eth0",
                    .addresses = {IpPrefix::Parse(i == 1 ? "10.0.0.1/24" : "10.0.0.2/24")},
                    .mac = {},
                    .offloads = {}};
    link.ends[1] = {
        .ns = "switch", .interface = "port" + std::to_string(i), .addresses = {}, .mac = {}, .offloads = {}};
    spec.links.push_back(link);
  }
  spec.bridges = {{.ns = "switch",
                   .name = "br0",
                   .ports = {"port1", "port2"},
                   .addresses = {IpPrefix::Parse("10.0.0.3/24")}}};
  const auto topology = Topology::Build(spec);
  EXPECT_EQ(test::SendDatagram(topology.ns("one"), topology.ns("two"), "10.0.0.2", "across"), "across");
  EXPECT_EQ(test::SendDatagram(topology.ns("one"), topology.ns("switch"), "10.0.0.3", "in"), "in");
  EXPECT_THAT(Output(topology.ns("one"), "ip neigh"),
              HasSubstr("10.0.0.2 dev eth0 lladdr 02:00:00:00:00:03 PERMANENT"));
  EXPECT_EQ(topology.endpoint("switch:br0").mtu, 1400);
  EXPECT_THAT(Output(topology.ns("switch"), "ip -o link show br0"), HasSubstr("mtu 1400"));
}

TEST(Bridges, RefusePortsTwice) {
  auto spec = ClientAndServer();
  spec.bridges = {{.ns = "server", .name = "br0", .ports = {"eth0"}, .addresses = {}},
                  {.ns = "server", .name = "br1", .ports = {"eth0"}, .addresses = {}}};
  EXPECT_EQ(ErrorOf([&] { Topology::Build(spec); }).why, "port 'eth0' is a port already");
}

struct QdiscCase {
  const char* kind;
  std::map<std::string, std::string> options;
  const char* shown;
};

class Qdiscs : public testing::TestWithParam<QdiscCase> {};

TEST(DeviceAttributes, AreOfTheNamespacesOwnInterface) {
  auto spec = ClientAndServer();
  spec.links[0].ends[1].sysfs = {{"gro_flush_timeout", "1000"}, {"napi_defer_hard_irqs", "2"}};
  const auto topology = Topology::Build(spec);
  const auto value = [&](const char* ns, const char* name) {
    return Output(topology.ns(ns), std::string("unshare --mount sh -c 'mount -t sysfs sysfs /sys && cat "
                                               "/sys/class/net/eth0/") +
                                       name + "'");
  };
  EXPECT_EQ(value("server", "gro_flush_timeout"), "1000\n");
  EXPECT_EQ(value("server", "napi_defer_hard_irqs"), "2\n");
  EXPECT_EQ(value("client", "gro_flush_timeout"), "0\n");
}

TEST(DeviceAttributes, AreRefusedWithTheNearestName) {
  const auto error_of = [](std::string name, std::string value) {
    auto spec = ClientAndServer();
    spec.links[0].ends[1].sysfs = {{std::move(name), std::move(value)}};
    return ErrorOf([&] { Topology::Build(spec); });
  };
  EXPECT_EQ(error_of("gro_flush_timeot", "1").hint, "did you mean gro_flush_timeout?");
  EXPECT_EQ(error_of("gro_flush_timeout", "soon").code, EINVAL);
  EXPECT_EQ(error_of("device/driver", "1").code, EINVAL);
  EXPECT_EQ(error_of("../../x", "1").where, "server:eth0");
}

TEST_P(Qdiscs, AreWhatTcShows) {
  auto spec = ClientAndServer();
  spec.qdiscs = {{.ns = "client", .device = "eth0", .kind = GetParam().kind, .options = GetParam().options}};
  const auto topology = Topology::Build(spec);
  EXPECT_THAT(Output(topology.ns("client"), "tc qdisc show dev eth0"), HasSubstr(GetParam().shown));
}

INSTANTIATE_TEST_SUITE_P(OfThisKernel, Qdiscs,
                         testing::Values(QdiscCase{"clsact", {}, "qdisc clsact ffff:"},
                                         QdiscCase{"ingress", {}, "qdisc ingress ffff:"},
                                         QdiscCase{"pfifo", {{"limit", "10"}}, "limit 10p"},
                                         QdiscCase{"bfifo", {{"limit", "10k"}}, "limit 10Kb"},
                                         QdiscCase{"tbf",
                                                   {{"rate", "1mbit"}, {"burst", "32k"}, {"limit", "100k"}},
                                                   "rate 1Mbit burst 32Kb lat"},
                                         QdiscCase{"tbf",
                                                   {{"rate", "80gbit"}, {"burst", "1m"}, {"latency", "10ms"}},
                                                   "rate 80Gbit"},
                                         QdiscCase{"htb", {{"default", "10"}}, "default 0x10"}),
                         [](const testing::TestParamInfo<QdiscCase>& each) {
                           return std::string(each.param.kind) + std::to_string(each.index);
                         });

// netem and fq are modules that a kernel may lack: there the error says so, elsewhere they work.
TEST_P(Qdiscs, AreNamedWhereTheKernelLacksThem) {
  for (const QdiscCase& optional :
       {QdiscCase{"netem", {{"delay", "10ms"}, {"loss", "1%"}}, "delay 10ms loss 1%"},
        QdiscCase{"fq", {{"limit", "500"}}, "limit 500p"}}) {
    auto spec = ClientAndServer();
    spec.qdiscs = {{.ns = "client", .device = "eth0", .kind = optional.kind, .options = optional.options}};
    try {
      const auto topology = Topology::Build(spec);
      EXPECT_THAT(Output(topology.ns("client"), "tc qdisc show dev eth0"), HasSubstr(optional.shown));
    } catch (const Error& error) {
      EXPECT_EQ(error.parts().where, "client:eth0");
      EXPECT_THAT(error.parts().hint, HasSubstr(std::string("this kernel has no qdisc ") + optional.kind));
    }
  }
}

TEST(QdiscOptions, AreChecked) {
  const auto error_of = [](const char* kind, std::map<std::string, std::string> options) {
    auto spec = ClientAndServer();
    spec.qdiscs = {{.ns = "client", .device = "eth0", .kind = kind, .options = std::move(options)}};
    return ErrorOf([&] { Topology::Build(spec); });
  };
  EXPECT_EQ(error_of("netm", {}).hint, "did you mean netem?");
  EXPECT_EQ(error_of("netm", {}).why, "no qdisc 'netm'");
  EXPECT_EQ(error_of("tbf", {{"rat", "1mbit"}}).hint, "did you mean rate?");
  EXPECT_EQ(error_of("tbf", {{"rate", "1mbit"}}).why, "'burst' is missing");
  EXPECT_EQ(error_of("tbf", {{"rate", "fast"}, {"burst", "1k"}, {"limit", "1k"}}).where, "'fast'");
  EXPECT_EQ(error_of("clsact", {{"limit", "1"}}).hint, "it takes none");
}

}  // namespace
}  // namespace knetlab
