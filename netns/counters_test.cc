// SPDX-License-Identifier: Apache-2.0
#include "netns/counters.h"

#include <gtest/gtest.h>

#include "netns/test_support.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

TEST(Counters, CountWhatCrossesTheLink) {
  auto spec = test::ClientAndServer();
  spec.links[0].queues = 2;
  const auto topology = Topology::Build(spec);
  test::SendDatagram(topology.ns("client"), topology.ns("server"), "10.0.0.2", std::string(100, 'x'));
  const Counters client = LinkStatistics(topology.ns("client"), "eth0");
  const Counters server = LinkStatistics(topology.ns("server"), "eth0");
  EXPECT_EQ(client.at("tx_packets"), 1U);
  EXPECT_EQ(client.at("tx_bytes"), 142U);
  EXPECT_EQ(server.at("rx_packets"), 1U);
  EXPECT_EQ(server.at("rx_dropped"), 0U);
  const Counters driver = EthtoolStatistics(topology.ns("server"), "eth0");
  EXPECT_TRUE(driver.contains("peer_ifindex"));
  EXPECT_TRUE(driver.contains("rx_queue_0_xdp_packets"));
  EXPECT_TRUE(driver.contains("rx_queue_1_xdp_drops"));
  EXPECT_EQ(driver.at("peer_ifindex"), static_cast<std::uint64_t>(topology.endpoint("client:eth0").ifindex));
}

TEST(Counters, AreNoneForADriverWithoutAny) {
  const auto topology = Topology::Build(test::ClientAndServer());
  EXPECT_TRUE(EthtoolStatistics(topology.ns("server"), "lo").empty());
}

TEST(Counters, NameTheInterfaceThatIsMissing) {
  const auto topology = Topology::Build(test::ClientAndServer());
  for (const std::string& name : {std::string("eth7"), std::string("a-name-that-is-too-long")}) {
    EXPECT_EQ(test::ErrorOf([&] { EthtoolStatistics(topology.ns("server"), name); }).where, "server:" + name);
    EXPECT_EQ(test::ErrorOf([&] { LinkStatistics(topology.ns("server"), name); }).where, "server:" + name);
  }
}

}  // namespace
}  // namespace knetlab
