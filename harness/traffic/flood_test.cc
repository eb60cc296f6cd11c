// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/flood.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "harness/traffic/capture_writer.h"
#include "harness/traffic/packet_headers.h"
#include "harness/traffic/test_packets.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace)

std::vector<Bytes> Make(const FloodOptions& options) {
  FloodFeed feed(options);
  std::vector<Bytes> packets;
  while (const Packet* packet = feed.Next()) packets.push_back(packet->bytes);
  return packets;
}

std::string ErrorOf(const FloodOptions& options) {
  try {
    FloodFeed feed(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

Bytes Slice(const Bytes& bytes, std::size_t at, std::size_t size) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(at),
          bytes.begin() + static_cast<std::ptrdiff_t>(at + size)};
}

// What is wrong with a packet's lengths and checksums; "" where all are right. Of fragments the IP header.
std::string Wrong(const Bytes& packet) {
  const PacketView view(packet);
  const EthernetPayload ethernet = FindEthernetPayload(view);
  const std::size_t ip = ethernet.offset;
  const bool ipv6 = ethernet.type == kEtherTypeIpv6;
  const std::size_t size = packet.size() - ip;
  if (ipv6 ? view.U16(ip + 4) + 40U != size : view.U16(ip + 2) != size) return "IP length";
  if (!ipv6 && OnesComplementSum(Slice(packet, ip, 20)) != 0xffff) return "IP checksum";
  const IpPayload payload = ipv6 ? FindIpv6Payload(view, ip) : FindIpv4Payload(view, ip);
  if (payload.fragment) return "";
  const Bytes l4 = Slice(packet, payload.offset, packet.size() - payload.offset);
  if (payload.protocol == 17 && PacketView(l4).U16(4) != l4.size()) return "UDP length";
  if (payload.protocol == 17 && PacketView(l4).U16(6) == 0) return "no UDP checksum";
  Bytes pseudo;
  if (payload.protocol != 1) {
    pseudo = ipv6 ? Slice(packet, ip + 8, 32) : Slice(packet, ip + 12, 8);
    const auto length = static_cast<std::uint16_t>(l4.size());
    pseudo = pseudo + Bytes{std::byte{0}, std::byte{payload.protocol}, static_cast<std::byte>(length >> 8),
                            static_cast<std::byte>(length & 0xff)};
  }
  return OnesComplementSum(pseudo + l4) == 0xffff ? "" : "checksum";
}

class EveryTemplate : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryTemplate, HasRightLengthsAndChecksumsInIpv4AndIpv6AndWithAVlanTag) {
  for (const bool ipv6 : {false, true}) {
    for (const bool vlan : {false, true}) {
      FloodOptions options{.flood = GetParam(), .ipv6 = ipv6, .packets = 1000};
      if (vlan) options.sets = {"vlan=1-4094"};
      const std::vector<Bytes> packets = Make(options);
      ASSERT_THAT(packets, SizeIs(1000));
      for (std::size_t i = 0; i < packets.size(); i++) {
        ASSERT_EQ(Wrong(packets[i]), "") << "packet " << i << (ipv6 ? " IPv6" : "") << (vlan ? " VLAN" : "");
        ASSERT_EQ(FindEthernetPayload(PacketView(packets[i])).vlans.size(), vlan ? 1U : 0U);
      }
      EXPECT_GT(std::set<Bytes>(packets.begin(), packets.end()).size(), 900U);
    }
  }
}

// What tshark says of these, on its standard output: nothing where it has nothing to object to.
std::string ObjectionsOf(const std::string& path) {
  std::string bad = "_ws.malformed";
  for (const char* protocol : {"ip", "udp", "tcp", "icmp", "icmpv6"})
    bad += fmt::format(" || {}.checksum.status == 0", protocol);
  const std::string command = fmt::format(
      "tshark -r {} -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -o tcp.check_checksum:TRUE -Y '{}' "
      "2>/dev/null || echo tshark failed",
      path, bad);
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(command.c_str(), "re"), ::pclose);
  std::string text;
  for (int letter = std::fgetc(output.get()); letter != EOF; letter = std::fgetc(output.get()))
    text.push_back(static_cast<char>(letter));
  return text;
}

// An oracle that owes nothing to this code.
TEST_P(EveryTemplate, DecodesInTsharkWithoutAnObjection) {
  const TempDir directory;
  for (const bool ipv6 : {false, true}) {
    FloodFeed feed({.flood = GetParam(), .ipv6 = ipv6, .seed = 42, .packets = 1000});
    std::vector<Packet> packets;
    while (const Packet* packet = feed.Next()) packets.push_back(*packet);
    const std::string path = directory.Path("flood.pcap");
    WriteCapture(path, packets);
    EXPECT_EQ(ObjectionsOf(path), "") << (ipv6 ? "IPv6" : "IPv4");
    // So that the test can fail: the same with one bit of a checksummed byte turned.
    for (Packet& packet : packets) packet.bytes.back() ^= std::byte{1};
    WriteCapture(path, packets);
    EXPECT_NE(ObjectionsOf(path), "") << (ipv6 ? "IPv6" : "IPv4");
  }
}

TEST_P(EveryTemplate, GivesTheSamePacketsForASeedAndOthersForAnother) {
  const FloodOptions options{.flood = GetParam(), .seed = 42, .packets = 500};
  FloodOptions other = options;
  other.seed = 43;
  const std::vector<Bytes> packets = Make(options);
  EXPECT_TRUE(Make(options) == packets);
  EXPECT_FALSE(Make(other) == packets);
  FloodFeed feed(options);
  for (int i = 0; i < 100; i++) feed.Next();
  feed.Rewind();
  for (const Bytes& packet : packets) ASSERT_TRUE(feed.Next()->bytes == packet);
  EXPECT_EQ(feed.Next(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Floods, EveryTemplate, ::testing::ValuesIn(FloodTemplateNames()),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::erase(name, '-');
                           return name;
                         });

// So that a change of the generator is noticed: results with a seed would no longer be comparable.
TEST(Flood, OfASeedIsTheSameOnEveryMachine) {
  const std::vector<Bytes> packets = Make({.flood = "udp", .seed = 1, .packets = 1});
  EXPECT_EQ(packets[0].size(), 64U);
  EXPECT_EQ(PacketView(packets[0]).U32(26) & 0xfffe0000U, 0xc6120000U) << "not of 198.18.0.0/15";
  EXPECT_EQ(FloodRandom(1).Next(), 2469588189546311528U);
}

TEST(Flood, FieldsAreAsTheyWereSet) {
  const std::vector<Bytes> packets =
      Make({.flood = "syn",
            .sets = {"src=192.0.2.0/28", "dst=203.0.113.7", "sport=1000-1003", "dport=22,80", "seq=count 5-6",
                     "ttl=3", "tos=0x10", "flags=syn,ack", "dmac=0a:00:00:00:00:01", "len=80-90"},
            .packets = 300});
  std::set<std::uint32_t> sources, ports, to;
  for (std::size_t i = 0; i < packets.size(); i++) {
    const PacketView view(packets[i]);
    EXPECT_EQ(Wrong(packets[i]), "");
    sources.insert(view.U32(26));
    ports.insert(view.U16(34));
    to.insert(view.U16(36));
    EXPECT_EQ(view.U32(30), 0xcb007107U);
    EXPECT_EQ(view.U32(38), 5 + i % 2);
    EXPECT_EQ(view.U8(22), 3);
    EXPECT_EQ(view.U8(15), 0x10);
    EXPECT_EQ(view.U8(47), 0x12);
    EXPECT_EQ(Slice(packets[i], 0, 6), FromHex("0a0000000001"));
    EXPECT_THAT(packets[i].size(), AllOf(::testing::Ge(80U), ::testing::Le(90U)));
  }
  EXPECT_THAT(sources, SizeIs(16));
  EXPECT_EQ(*sources.begin(), 0xc0000200U);
  EXPECT_THAT(ports, SizeIs(4));
  EXPECT_EQ(to, (std::set<std::uint32_t>{22, 80}));
}

TEST(Flood, ImixHasItsThreeLengths) {
  std::map<std::size_t, int> lengths;
  for (const Bytes& packet : Make({.flood = "udp", .sets = {"len=imix"}, .packets = 12'000}))
    lengths[packet.size()]++;
  ASSERT_THAT(lengths, SizeIs(3));
  EXPECT_NEAR(lengths[64], 7000, 400);
  EXPECT_NEAR(lengths[594], 4000, 400);
  EXPECT_NEAR(lengths[1514], 1000, 200);
}

TEST(Flood, MixesByWeight) {
  std::map<int, int> protocols;
  for (const Bytes& packet : Make({.flood = "mixed:udp=3,icmp", .packets = 4000}))
    protocols[PacketView(packet).U8(23)]++;
  EXPECT_NEAR(protocols[17], 3000, 200);
  EXPECT_NEAR(protocols[1], 1000, 200);
}

TEST(Flood, PacketsOfOnesOwnKeepWhatIsNotSet) {
  const Bytes own = Ipv4Frame(17, "0a000001", "0a000002", Udp(1, 2, 10));
  std::string digits;
  for (const std::byte byte : own) digits += fmt::format("{:02x}", std::to_integer<int>(byte));
  const std::vector<Bytes> packets =
      Make({.flood = "hex:" + digits, .sets = {"sport=random"}, .packets = 100});
  std::set<Bytes> distinct(packets.begin(), packets.end());
  EXPECT_GT(distinct.size(), 90U);
  for (const Bytes& packet : packets) {
    EXPECT_EQ(Wrong(packet), "");
    EXPECT_EQ(Slice(packet, 0, 34), Slice(own, 0, 34));
    EXPECT_EQ(Slice(packet, 42, 10), Slice(own, 42, 10));
  }
}

TEST(Flood, FragmentsPutTogetherAreTheDatagram) {
  const std::vector<Bytes> packets = Make({.flood = "fragments", .packets = 3});
  Bytes datagram;
  for (const Bytes& packet : packets) {
    EXPECT_EQ(PacketView(packet).U16(18), PacketView(packets[0]).U16(18)) << "id";
    EXPECT_EQ((PacketView(packet).U16(20) & 0x1fff) * 8U, datagram.size());
    datagram = datagram + Slice(packet, 34, packet.size() - 34);
  }
  EXPECT_EQ(PacketView(packets[1]).U16(20) & 0x2000, 0x2000);
  EXPECT_EQ(PacketView(packets[2]).U16(20) & 0x2000, 0);
  const auto size = static_cast<std::uint16_t>(datagram.size());
  EXPECT_EQ(OnesComplementSum(Slice(packets[0], 26, 8) + FromHex("0011") +
                              Bytes{static_cast<std::byte>(size >> 8), static_cast<std::byte>(size & 0xff)} +
                              datagram),
            0xffff);
}

TEST(Flood, WhatCannotBeIsAnErrorThatHelps) {
  EXPECT_THAT(ErrorOf({.flood = "sin"}), AllOf(HasSubstr("syn"), HasSubstr("dns-query")));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"spotr=1"}}), HasSubstr("sport"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"sport"}}), HasSubstr("FIELD=SPEC"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"sport=70000"}}), HasSubstr("65535"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"sport=9-1"}}), HasSubstr("before"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"sport="}}), HasSubstr("not a number"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"seq=1"}}), HasSubstr("no such field"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .sets = {"src=fd00::/64", "dst=10.0.0.1"}}),
              HasSubstr("IPv4 and IPv6"));
  EXPECT_THAT(ErrorOf({.flood = "hex:0"}), HasSubstr("byte 1"));
  EXPECT_THAT(ErrorOf({.flood = "mixed:"}), HasSubstr("mix of nothing"));
  EXPECT_THAT(ErrorOf({.flood = "mixed:udp=0"}), HasSubstr("weight"));
  EXPECT_THAT(ErrorOf({.flood = "udp", .packets = 0}), HasSubstr("no packets"));
}

}  // namespace
}  // namespace knetlab
