// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/rewrite.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <random>

#include "harness/traffic/packet_headers.h"
#include "harness/traffic/test_packets.h"

namespace knetlab {
namespace {

using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace): FromHex and operator+

constexpr const char* kV6Source = "fd000000000000000000000000000001";
constexpr const char* kV6Destination = "fd000000000000000000000000000002";
constexpr std::size_t kIp = 14;

Rewrite ToFixed(const char* source, const char* destination) {
  return {.source_mac = {},
          .destination_mac = {},
          .addresses = {},
          .source = IpAddress::Parse(source),
          .destination = IpAddress::Parse(destination)};
}

Bytes Rewritten(const Rewrite& rewrite, const Bytes& bytes) {
  Packet packet = MakePacket(bytes);
  ApplyRewrite(rewrite, packet);
  return packet.bytes;
}

Bytes Part(const Bytes& bytes, std::size_t from, std::size_t count) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

std::uint16_t HeaderSum(const Bytes& frame) {
  return OnesComplementSum(Part(frame, kIp, 20));
}

// Over pseudo header and payload as RFC 768 has it, computed from nothing: 0xffff where the checksum is
// right.
std::uint16_t TransportSum(const Bytes& frame, bool v4, std::uint8_t protocol) {
  const std::size_t payload = kIp + (v4 ? 20 : 40);
  const std::size_t length = frame.size() - payload;
  Bytes pseudo = v4 ? Part(frame, kIp + 12, 8) : Part(frame, kIp + 8, 32);
  pseudo = pseudo + Bytes{std::byte{0}, std::byte{protocol}, static_cast<std::byte>(length >> 8),
                          static_cast<std::byte>(length)};
  return OnesComplementSum(pseudo + Part(frame, payload, length));
}

TEST(RewriteTest, ChangesMacAddressesOfEveryPacket) {
  Rewrite rewrite;
  EXPECT_TRUE(rewrite.empty());
  rewrite.source_mac = MacAddress::Parse("0a:00:00:00:00:aa");
  rewrite.destination_mac = MacAddress::Parse("0a:00:00:00:00:bb");
  EXPECT_FALSE(rewrite.empty());
  EXPECT_EQ(Rewritten(rewrite, Ethernet(0x88cc) + FromHex("0102")),
            FromHex("0a00000000bb 0a00000000aa 88cc 0102"));
}

TEST(RewriteTest, KeepsRightIpv4ChecksumsRight) {
  const Rewrite rewrite = ToFixed("192.168.200.17", "255.254.253.252");
  for (const std::size_t data : {0, 1, 2, 33, 512}) {
    const Bytes udp = Rewritten(rewrite, Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, data)));
    EXPECT_EQ(Part(udp, kIp + 12, 8), FromHex("c0a8c811 fffefdfc"));
    EXPECT_EQ(HeaderSum(udp), 0xffff);
    EXPECT_EQ(TransportSum(udp, true, IPPROTO_UDP), 0xffff);
    const Bytes tcp =
        Rewritten(rewrite, Ipv4Frame(IPPROTO_TCP, "0a000001", "0a000002", Tcp(1000, 80, 2, data)));
    EXPECT_EQ(HeaderSum(tcp), 0xffff);
    EXPECT_EQ(TransportSum(tcp, true, IPPROTO_TCP), 0xffff);
  }
}

TEST(RewriteTest, KeepsRightIpv6ChecksumsRight) {
  const Rewrite rewrite = ToFixed("2001:db8::ffff:1", "fe80::1");
  const Bytes icmp = FromHex("8000 0000 1234 5678");
  const std::vector<std::pair<std::uint8_t, Bytes>> payloads = {
      {IPPROTO_UDP, Udp(1000, 53, 31)}, {IPPROTO_TCP, Tcp(1000, 80, 2, 7)}, {IPPROTO_ICMPV6, icmp}};
  for (const auto& [protocol, payload] : payloads) {
    const Bytes frame = Rewritten(rewrite, Ipv6Frame(protocol, kV6Source, kV6Destination, payload));
    EXPECT_EQ(Part(frame, kIp + 8, 32),
              FromHex("20010db80000000000000000ffff0001 fe800000000000000000000000000001"));
    EXPECT_EQ(TransportSum(frame, false, protocol), 0xffff) << "protocol " << int{protocol};
  }
}

// Checksums that were wrong stay wrong by the same amount. Random addresses reach the corners of ones'
// complement arithmetic.
TEST(RewriteTest, KeepsWrongChecksumsWrongByTheSameAmount) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes frame = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, 4));
    for (const std::size_t at : {kIp + 10, kIp + 11, kIp + 26, kIp + 27})
      frame[at] = static_cast<std::byte>(random());
    if (PacketView(frame).U16(kIp + 26) == 0) continue;  // "no checksum"
    IpAddress to{.family = AF_INET};
    for (std::size_t at = 0; at < 4; ++at) to.bytes[at] = static_cast<std::uint8_t>(random());
    Rewrite rewrite;
    rewrite.source = to;
    rewrite.destination = to;
    const Bytes after = Rewritten(rewrite, frame);
    EXPECT_EQ(HeaderSum(after) % 0xffff, HeaderSum(frame) % 0xffff);
    EXPECT_EQ(TransportSum(after, true, IPPROTO_UDP) % 0xffff,
              TransportSum(frame, true, IPPROTO_UDP) % 0xffff);
    EXPECT_NE(PacketView(after).U16(kIp + 26), 0) << "would mean that there is no checksum";
  }
}

TEST(RewriteTest, LeavesAnAbsentUdpChecksumAbsent) {
  Bytes frame = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, 4));
  frame[kIp + 26] = frame[kIp + 27] = std::byte{0};
  const Bytes after = Rewritten(ToFixed("1.2.3.4", "5.6.7.8"), frame);
  EXPECT_EQ(PacketView(after).U16(kIp + 26), 0);
  EXPECT_EQ(HeaderSum(after), 0xffff);
}

TEST(RewriteTest, MapsAddressesOnBothSidesAndLetsThemSwap) {
  Rewrite rewrite;
  const IpAddress a = IpAddress::Parse("10.0.0.1");
  const IpAddress b = IpAddress::Parse("10.0.0.2");
  rewrite.addresses = {{a, b}, {b, a}};
  const Bytes frame = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1, 2, 4));
  EXPECT_EQ(Part(Rewritten(rewrite, frame), kIp + 12, 8), FromHex("0a000002 0a000001"));
  rewrite.destination = IpAddress::Parse("9.9.9.9");
  rewrite.addresses.erase(b);
  EXPECT_EQ(Part(Rewritten(rewrite, frame), kIp + 12, 8), FromHex("0a000002 09090909"));
}

TEST(RewriteTest, LeavesTheOtherFamilyAndOtherProtocolsAlone) {
  const Rewrite v6 = ToFixed("fd00::8", "fd00::9");
  const Bytes frame = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1, 2, 4));
  EXPECT_EQ(Rewritten(v6, frame), frame);
  Rewrite mixed;
  mixed.addresses = {{IpAddress::Parse("10.0.0.1"), IpAddress::Parse("fd00::1")}};
  EXPECT_EQ(Rewritten(mixed, frame), frame);
  const Bytes arp = Ethernet(0x0806) + Bytes(28);
  EXPECT_EQ(Rewritten(ToFixed("1.2.3.4", "5.6.7.8"), arp), arp);
}

TEST(RewriteTest, FindsTheIpHeaderBehindVlanTags) {
  const Bytes plain = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1, 2, 4));
  const Bytes inner = Part(plain, kIp, plain.size() - kIp);
  const Rewrite rewrite = ToFixed("1.2.3.4", "5.6.7.8");
  const Bytes tagged = Rewritten(rewrite, Ethernet(0x88a8) + FromHex("0001 8100 0002 0800") + inner);
  const Bytes untagged = Rewritten(rewrite, plain);
  EXPECT_EQ(Part(tagged, 22, inner.size()), Part(untagged, kIp, inner.size()));
}

TEST(RewriteTest, TouchesNoPayloadOfLaterFragments) {
  Bytes frame = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1, 2, 16));
  frame[kIp + 7] = std::byte{1};
  const Bytes after = Rewritten(ToFixed("1.2.3.4", "5.6.7.8"), frame);
  EXPECT_EQ(Part(after, kIp + 20, 24), Part(frame, kIp + 20, 24));
}

TEST(RewriteTest, KnowsThatARoutingHeaderHoldsTheDestinationOfTheChecksum) {
  const Bytes routing = FromHex("11 02 00 01 00000000") + FromHex(kV6Destination);
  const Bytes frame =
      Ipv6Frame(IPPROTO_UDP, kV6Source, "fd000000000000000000000000000009", Udp(1, 2, 4), routing);
  Rewrite rewrite;
  rewrite.destination = IpAddress::Parse("fd00::77");
  const Bytes after = Rewritten(rewrite, frame);
  EXPECT_EQ(PacketView(after).U16(kIp + 24 + 14), 0x77);
  EXPECT_EQ(Part(after, kIp + 40, after.size() - kIp - 40), Part(frame, kIp + 40, frame.size() - kIp - 40));
}

TEST(RewriteTest, WritesOnlyWhereCutAndBrokenPacketsHaveBytes) {
  const Rewrite v4 = ToFixed("1.2.3.4", "5.6.7.8");
  const Rewrite v6 = ToFixed("fd00::8", "fd00::9");
  for (const Bytes& full :
       {Ipv4Frame(IPPROTO_TCP, "0a000001", "0a000002", Tcp(1, 2, 2, 4)),
        Ipv6Frame(IPPROTO_UDP, kV6Source, kV6Destination, Udp(1, 2, 4), FromHex("1100040000000000"))}) {
    for (std::size_t size = 0; size <= full.size(); ++size) {
      const Bytes cut = Part(full, 0, size);
      EXPECT_EQ(Rewritten(v4, cut).size(), size);
      EXPECT_EQ(Rewritten(v6, cut).size(), size);
    }
  }
  Bytes broken = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1, 2, 4));
  broken[kIp] = std::byte{0x44};  // a header of 16 bytes
  EXPECT_EQ(Rewritten(v4, broken), broken);
}

}  // namespace
}  // namespace knetlab
