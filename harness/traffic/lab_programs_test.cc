// SPDX-License-Identifier: Apache-2.0
// What the programs of bpf/ do to single packets, beyond what the scenarios show of them.
#include <gtest/gtest.h>

#include <cstring>

#include "harness/program/object.h"
#include "harness/program/test_run.h"
#include "harness/program/verdict.h"
#include "harness/traffic/test_packets.h"

namespace knetlab {
namespace {

using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace): FromHex and operator+

constexpr const char* kClient = "0a000001";
constexpr const char* kService = "8d8e0202";  // 141.142.2.2
constexpr const char* kServer = "0a000002";
constexpr std::uint8_t kUdp = 17, kTcp = 6;

BpfObject Load(const std::string& name, const std::string& program, LoadOptions options = {}) {
  options.programs = {program};
  return BpfObject::Load(KNETLAB_OBJECTS "/" + name + ".bpf.o", options);
}

// The sum over the CPUs.
std::uint64_t Counted(const BpfObject& object, const char* map, std::uint32_t index) {
  Bytes key(sizeof(index));
  std::memcpy(key.data(), &index, sizeof(index));
  const Bytes values = object.map(map).Lookup(key).value();
  std::uint64_t sum = 0, one = 0;
  for (std::size_t at = 0; at < values.size(); at += sizeof(one)) {
    std::memcpy(&one, values.data() + at, sizeof(one));
    sum += one;
  }
  return sum;
}

class TcRewrite : public ::testing::Test {
 protected:
  // 141.142.2.2:53 -> 10.0.0.2:5300 for UDP, 141.142.2.2:80 -> 10.0.0.2:8080 for TCP.
  static LoadOptions Services() {
    LoadOptions options;
    options.map_contents["services"] = {
        {FromHex("8d8e0202 0035 1100"), FromHex("0a000002 14b4 0000")},
        {FromHex("8d8e0202 0050 0600"), FromHex("0a000002 1f90 0000")},
    };
    return options;
  }

  Bytes Rewritten(const Bytes& packet) const {
    const TestRunResult result = TestRun(object_.program("tc_rewrite"), packet);
    EXPECT_EQ(result.code, 0U);
    return result.out;
  }

  BpfObject object_ = Load("tc_rewrite", "tc_rewrite", Services());
};

TEST_F(TcRewrite, LeavesAPacketThatCouldHaveBeenSentToTheServerItself) {
  EXPECT_EQ(Rewritten(Ipv4Frame(kUdp, kClient, kService, Udp(40000, 53, 33))),
            Ipv4Frame(kUdp, kClient, kServer, Udp(40000, 5300, 33)));
  EXPECT_EQ(Rewritten(Ipv4Frame(kTcp, kClient, kService, Tcp(40000, 80, 0x18, 500))),
            Ipv4Frame(kTcp, kClient, kServer, Tcp(40000, 8080, 0x18, 500)));
}

TEST_F(TcRewrite, KeepsADatagramWithoutChecksumWithoutOne) {
  Bytes packet = Ipv4Frame(kUdp, kClient, kService, Udp(40000, 53, 33));
  packet[40] = packet[41] = std::byte{0};
  Bytes expected = Ipv4Frame(kUdp, kClient, kServer, Udp(40000, 5300, 33));
  expected[40] = expected[41] = std::byte{0};
  EXPECT_EQ(Rewritten(packet), expected);
}

TEST_F(TcRewrite, LeavesOtherPacketsAlone) {
  Bytes fragment = Ipv4Frame(kUdp, kClient, kService, Udp(40000, 53, 33));
  fragment[20] = std::byte{0x20};
  for (const Bytes& packet :
       {Ipv4Frame(kUdp, kClient, kService, Udp(40000, 54, 33)),
        Ipv4Frame(kTcp, kClient, kService, Tcp(40000, 53, 0x02, 0)),
        Ipv4Frame(kUdp, kClient, kServer, Udp(40000, 53, 33)), fragment, Ethernet(0x0806) + Bytes(46)}) {
    EXPECT_EQ(Rewritten(packet), packet);
  }
}

TEST(Vlan, PopTakesOneTagAndNothingElse) {
  const BpfObject object = Load("vlan", "xdp_vlan_pop");
  const Bytes payload = FromHex("4500 0014 0000 0000 4000 0000 0a00 0001 0a00 0002");
  const auto popped = [&](const Bytes& packet) {
    return TestRun(object.program("xdp_vlan_pop"), packet).out;
  };
  EXPECT_EQ(popped(Ethernet(0x8100) + FromHex("000b 0800") + payload), Ethernet(0x0800) + payload);
  EXPECT_EQ(popped(Ethernet(0x88a8) + FromHex("0064 8100 000b 0800") + payload),
            Ethernet(0x8100) + FromHex("000b 0800") + payload);
  EXPECT_EQ(popped(Ethernet(0x0800) + payload), Ethernet(0x0800) + payload);
}

TEST(Vlan, PushIsUndoneByPop) {
  LoadOptions options;
  options.globals["vlan_id"] = [](std::size_t) { return FromHex("0700"); };
  const BpfObject push = Load("vlan", "xdp_vlan_push", options);
  const BpfObject pop = Load("vlan", "xdp_vlan_pop");
  const Bytes packet = Ethernet(0x0800) + Bytes(46);
  const Bytes tagged = TestRun(push.program("xdp_vlan_push"), packet).out;
  EXPECT_EQ(tagged, Ethernet(0x8100) + FromHex("0007 0800") + Bytes(46));
  EXPECT_EQ(TestRun(pop.program("xdp_vlan_pop"), tagged).out, packet);
}

// The kernel hands a socket filter what is behind the Ethernet header: here the UDP header, as on a UDP
// socket.
TEST(DnsFilter, KeepsQueriesOfOneTypeAlone) {
  const BpfObject object = Load("dns_filter", "dns_filter");
  const Bytes udp = FromHex("9c40 0035 0000 0000"), query = FromHex("1234 0100 0001 0000 0000 0000"),
              name = FromHex("03 777777 07 6578616d706c65 03 636f6d 00");
  const auto kept = [&](const Bytes& datagram) {
    return TestRun(object.program("dns_filter"), Ethernet(0) + datagram).code;
  };
  const Bytes a_query = udp + query + name + FromHex("0001 0001");
  EXPECT_EQ(kept(a_query), a_query.size());
  EXPECT_EQ(kept(udp + query + name + FromHex("001c 0001")), 0U);
  EXPECT_EQ(kept(udp + FromHex("1234 8100 0001 0000 0000 0000") + name + FromHex("0001 0001")), 0U);
  EXPECT_EQ(kept(udp + FromHex("1234 0100 0002 0000 0000 0000") + name + FromHex("0001 0001")), 0U);
  EXPECT_EQ(kept(udp + query + FromHex("c00c 0001 0001")), 0U) << "a pointer";
  EXPECT_EQ(kept(udp + query + name), 0U) << "ends before its type";
  EXPECT_EQ(kept(udp + query + FromHex("3f 77")), 0U) << "ends inside a label";
  EXPECT_EQ(kept(udp), 0U);
  EXPECT_EQ(Counted(object, "counters", 0), 1U);
  EXPECT_EQ(Counted(object, "counters", 1), 1U);
  EXPECT_EQ(Counted(object, "counters", 2), 6U);
}

TEST(Protocols, DoesNotBelieveLengthsInHeaders) {
  constexpr std::uint32_t kCut = 3;
  const BpfObject object = Load("protocols", "xdp_protocols");
  Bytes short_header = Ipv4Frame(kUdp, kClient, kServer, Udp(1, 2, 0));
  short_header[14] = std::byte{0x44};
  Bytes long_header = short_header;
  long_header[14] = std::byte{0x4f};
  const std::string address(32, '1');
  // A hop-by-hop header that says 2048 bytes, and one of which the packet holds a single byte.
  const Bytes lying =
      Ethernet(0x86dd) + FromHex("60000000 0008 00 40" + address + address + "11ff 000000000000");
  const Bytes cut = Ethernet(0x86dd) + FromHex("60000000 0001 00 40" + address + address + "11");
  std::uint64_t count = 0;
  for (const Bytes& packet : {short_header, long_header, lying, cut, Ethernet(0x8100) + FromHex("0007")}) {
    EXPECT_EQ(VerdictName(BPF_PROG_TYPE_XDP, TestRun(object.program("xdp_protocols"), packet).code),
              "XDP_PASS");
    EXPECT_EQ(Counted(object, "shapes", kCut), ++count);
  }
  EXPECT_EQ(Counted(object, "protocols", kUdp), 0U);
}

TEST(TailByte, ReadsBeyondTheLinearPart) {
  const BpfObject object = Load("tail_byte", "xdp_tail_byte");
  Bytes packet(9000);
  EXPECT_EQ(VerdictName(BPF_PROG_TYPE_XDP, TestRun(object.program("xdp_tail_byte"), packet).code),
            "XDP_PASS");
  packet.back() = std::byte{1};
  EXPECT_EQ(VerdictName(BPF_PROG_TYPE_XDP, TestRun(object.program("xdp_tail_byte"), packet).code),
            "XDP_DROP");
  EXPECT_EQ(Counted(object, "counters", 2), 2U);
}

}  // namespace
}  // namespace knetlab
