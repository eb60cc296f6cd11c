// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_summary.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <random>

#include "harness/traffic/test_packets.h"

namespace knetlab {
namespace {

using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace): FromHex and operator+

constexpr const char* kV6Source = "fd000000000000000000000000000001";
constexpr const char* kV6Destination = "fd000000000000000000000000000002";

Bytes WithoutEthernet(const Bytes& frame) {
  return {frame.begin() + 14, frame.end()};
}

Bytes WithFragmentField(Bytes frame, std::string_view field) {
  const Bytes value = FromHex(field);
  std::copy(value.begin(), value.end(), frame.begin() + 14 + 6);
  return frame;
}

struct Case {
  const char* name;
  Bytes bytes;
  const char* text;
};

std::vector<Case> Cases() {
  const Bytes udp = Ipv4Frame(IPPROTO_UDP, "0a000007", "0a000002", Udp(5353, 53, 20));
  const Bytes udp6 = Ipv6Frame(IPPROTO_UDP, kV6Source, kV6Destination, Udp(5353, 53, 20));
  const Bytes llc = FromHex("0180c2000000 020000000001 0026");
  const Bytes pppoe = FromHex("11 00 000b 0020");
  return {
      {"Udp", udp, "10.0.0.7:5353 > 10.0.0.2:53 UDP 62"},
      {"Udp6", udp6, "[fd00::1]:5353 > [fd00::2]:53 UDP 82"},
      {"TcpSyn", Ipv4Frame(IPPROTO_TCP, "0a000009", "0a000002", Tcp(40112, 443, 0x02, 20)),
       "10.0.0.9:40112 > 10.0.0.2:443 TCP SYN 74"},
      {"TcpSynAck", Ipv4Frame(IPPROTO_TCP, "0a000009", "0a000002", Tcp(1, 2, 0x12, 0)),
       "10.0.0.9:1 > 10.0.0.2:2 TCP SYN,ACK 54"},
      {"TcpOther", Ipv4Frame(IPPROTO_TCP, "0a000009", "0a000002", Tcp(1, 2, 0xed, 0)),
       "10.0.0.9:1 > 10.0.0.2:2 TCP FIN,RST,PSH,URG,ECE,CWR 54"},
      {"TcpNull", Ipv4Frame(IPPROTO_TCP, "0a000009", "0a000002", Tcp(1, 2, 0, 0)),
       "10.0.0.9:1 > 10.0.0.2:2 TCP no flags 54"},
      {"Vlan", Ethernet(0x8100) + FromHex("600b 0800") + WithoutEthernet(udp),
       "vlan 11 10.0.0.7:5353 > 10.0.0.2:53 UDP 66"},
      {"Qinq", Ethernet(0x88a8) + FromHex("0064 8100 0065 86dd") + WithoutEthernet(udp6),
       "vlan 100 vlan 101 [fd00::1]:5353 > [fd00::2]:53 UDP 90"},
      {"ArpRequest",
       Ethernet(0x0806) + FromHex("0001 0800 06 04 0001 020000000001 0a000002 000000000000 0a000001"),
       "ARP who-has 10.0.0.1 tell 10.0.0.2 42"},
      {"ArpReply",
       Ethernet(0x0806) + FromHex("0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002"),
       "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01 42"},
      {"Icmp", Ipv4Frame(IPPROTO_ICMP, "0a000009", "0a000002", FromHex("0800 0000 0000 0000")),
       "10.0.0.9 > 10.0.0.2 ICMP echo request 42"},
      {"IcmpOther", Ipv4Frame(IPPROTO_ICMP, "0a000009", "0a000002", FromHex("2a00 0000 0000 0000")),
       "10.0.0.9 > 10.0.0.2 ICMP type 42 42"},
      {"Icmpv6", Ipv6Frame(IPPROTO_ICMPV6, kV6Source, kV6Destination, FromHex("8700 0000 0000 0000")),
       "fd00::1 > fd00::2 ICMPv6 neighbour solicitation 62"},
      {"RoutedUdp6",
       Ipv6Frame(IPPROTO_UDP, kV6Source, kV6Destination, Udp(5353, 53, 0), FromHex("1100040000000000")),
       "[fd00::1]:5353 > [fd00::2]:53 UDP 70"},
      {"Sctp", Ipv4Frame(IPPROTO_SCTP, "0a000009", "0a000002", FromHex("0007 0008 00000000 00000000")),
       "10.0.0.9:7 > 10.0.0.2:8 SCTP 46"},
      {"Gre", Ipv4Frame(IPPROTO_GRE, "0a000009", "0a000002", FromHex("0000 0800")),
       "10.0.0.9 > 10.0.0.2 GRE IPv4 38"},
      {"UnknownProtocol", Ipv4Frame(200, "0a000009", "0a000002", {}), "10.0.0.9 > 10.0.0.2 protocol 200 34"},
      {"FirstFragment", WithFragmentField(udp, "2000"), "10.0.0.7:5353 > 10.0.0.2:53 UDP frag@0 62"},
      {"LaterFragment", WithFragmentField(udp, "00b9"), "10.0.0.7 > 10.0.0.2 UDP frag@1480 62"},
      {"Fragment6",
       Ethernet(0x86dd) + FromHex("60000000 0010 2c 40") + FromHex(kV6Source) + FromHex(kV6Destination) +
           FromHex("1100 0008 00000001 0000000000000000"),
       "fd00::1 > fd00::2 UDP frag@8 70"},
      {"Mpls", Ethernet(0x8847) + FromHex("0001 1040 0001 2140") + WithoutEthernet(udp),
       "mpls 17,18 10.0.0.7:5353 > 10.0.0.2:53 UDP 70"},
      {"PppoeDiscovery", Ethernet(0x8863) + FromHex("11 09 0000 0000"),
       "02:00:00:00:00:01 > 02:00:00:00:00:02 PPPoE PADI 20"},
      {"PppoeIp", Ethernet(0x8864) + pppoe + FromHex("0021") + WithoutEthernet(udp),
       "pppoe 11 10.0.0.7:5353 > 10.0.0.2:53 UDP 70"},
      {"PppoeLcp", Ethernet(0x8864) + pppoe + FromHex("c021"), "pppoe 11 LCP 22"},
      {"Stp", llc + FromHex("424203"), "02:00:00:00:00:01 > 01:80:c2:00:00:00 LLC STP 17"},
      {"Snap", llc + FromHex("aaaa03 000000 0800"), "02:00:00:00:00:01 > 01:80:c2:00:00:00 SNAP IPv4 22"},
      {"Cdp", llc + FromHex("aaaa03 00000c 2000"), "02:00:00:00:00:01 > 01:80:c2:00:00:00 CDP 22"},
      {"UnknownEtherType", Ethernet(0x1234), "02:00:00:00:00:01 > 02:00:00:00:00:02 ethertype 0x1234 14"},
      {"CutEthernet", Bytes(8), "Ethernet cut 8"},
      {"CutIpv4", Bytes(udp.begin(), udp.begin() + 33), "IPv4 cut 33"},
      {"CutIpv6", Bytes(udp6.begin(), udp6.begin() + 39), "IPv6 cut 39"},
      {"CutPorts", Bytes(udp.begin(), udp.begin() + 37), "10.0.0.7 > 10.0.0.2 UDP cut 37"},
      {"BadHeaderLength", Ethernet(0x0800) + FromHex("44") + Bytes(19),
       "0.0.0.0 > 0.0.0.0 IPv4 header cut or not valid 34"},
  };
}

class PacketSummary : public ::testing::TestWithParam<Case> {};

TEST_P(PacketSummary, TellsWhichPacketItIs) {
  EXPECT_EQ(SummarizePacket(GetParam().bytes), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PacketSummary, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(PacketSummaryBounds, ReadsOnlyWhatIsThereOfEveryCutPacket) {
  for (const Case& full : Cases()) {
    for (std::size_t size = 0; size <= full.bytes.size(); ++size) {
      // An allocation of exactly this size, so that the address sanitizer sees each byte too many.
      const Bytes cut(full.bytes.begin(), full.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_TRUE(SummarizePacket(cut).ends_with(fmt::format(" {}", size)))
          << full.name << " cut at " << size;
    }
  }
}

TEST(PacketSummaryBounds, EndsForRandomBytes) {
  std::mt19937 random(42);
  const std::vector<Case> cases = Cases();
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = cases[random() % cases.size()].bytes + Bytes(random() % 64);
    for (int change = 0; change < 4; ++change)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    EXPECT_TRUE(SummarizePacket(bytes).ends_with(fmt::format(" {}", bytes.size())));
  }
}

}  // namespace
}  // namespace knetlab
