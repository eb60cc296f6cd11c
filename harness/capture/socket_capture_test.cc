// SPDX-License-Identifier: Apache-2.0
// Captures of socket filters, whose packets begin behind some of their headers: real frames to real sockets,
// and the frames as they were sent in the file.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/instrumented.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/filter/assembler.h"
#include "harness/filter/reference.h"
#include "harness/program/attach.h"
#include "harness/program/instrument.h"
#include "harness/program/raw_program.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::Ipv4Frame;
using testing::Ipv6Frame;
using testing::KeepsEvenLengths;
using testing::ReadPacket;
using testing::ReadWithLibpcap;
using testing::ReadWithTshark;
using ::testing::SizeIs;
using testing::TempDir;
using testing::Udp;

constexpr std::chrono::seconds kSocketPatience{20};
constexpr const char* kServer6 = "fd000000000000000000000000000002";
constexpr const char* kClient6 = "fd000000000000000000000000000001";

UniqueFd OpenSocket(int family, int type, int protocol = 0) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  if (!fd) throw ErrnoError("open", "socket", errno);
  return fd;
}

Bytes WithExtension(std::uint8_t type, const Bytes& extension, std::size_t data) {
  constexpr std::size_t kNextHeader = 14 + 6;
  Bytes frame = Ipv6Frame(IPPROTO_UDP, kClient6, kServer6, Udp(1000, 53, data), extension);
  frame[kNextHeader] = static_cast<std::byte>(type);
  return frame;
}

template <typename Address>
void Bind(const UniqueFd& socket, const Address& address) {
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw ErrnoError("bind", "socket", errno);
}

// A client that sends any frame, and a server whose sockets take them.
class SocketCapture : public ::testing::TestWithParam<BufferKind> {
 protected:
  SocketCapture() : topology_(Build()) {}

  static Topology Build() {
    TopologySpec spec;
    spec.namespaces.resize(2);
    spec.namespaces[0].name = "client";
    spec.namespaces[1].name = "server";
    LinkSpec link;
    link.ends[0].ns = "client";
    link.ends[1].ns = "server";
    for (EndpointSpec& end : link.ends) end.interface = "eth0";
    link.ends[1].addresses = {IpPrefix::Parse("10.0.0.2/24"), IpPrefix::Parse("fd00::2/64")};
    spec.links = {link};
    return Topology::Build(spec);
  }

  UniqueFd ServerSocket(int family, int type, int protocol = 0) const {
    return topology_.ns("server").Run([&] { return OpenSocket(family, type, protocol); });
  }
  UniqueFd UdpSocket(int family) const {
    return topology_.ns("server").Run([&] {
      UniqueFd socket = OpenSocket(family, SOCK_DGRAM);
      sockaddr_in6 six{};
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(53);
      sockaddr_in four{};
      four.sin_family = AF_INET;
      four.sin_port = htons(53);
      if (family == AF_INET6) {
        Bind(socket, six);
      } else {
        Bind(socket, four);
      }
      return socket;
    });
  }
  UniqueFd PacketSocket(int type) const {
    return topology_.ns("server").Run([&] {
      UniqueFd socket = OpenSocket(AF_PACKET, type);
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_IP);
      address.sll_ifindex = topology_.endpoint("server:eth0").ifindex;
      Bind(socket, address);
      return socket;
    });
  }

  // For the server's interface, or it would not take it.
  Bytes Addressed(Bytes frame) const {
    const MacAddress& mac = topology_.endpoint("server:eth0").mac;
    std::memcpy(frame.data(), mac.bytes.data(), mac.bytes.size());
    return frame;
  }
  void Send(const std::vector<Bytes>& frames) const {
    topology_.ns("client").Run([&] {
      const UniqueFd socket = OpenSocket(AF_PACKET, SOCK_RAW);
      sockaddr_ll to{};
      to.sll_family = AF_PACKET;
      to.sll_ifindex = topology_.endpoint("client:eth0").ifindex;
      for (const Bytes& frame : frames) {
        if (::sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                     sizeof to) < 0)
          throw ErrnoError("send", "frame", errno);
      }
    });
  }

  // What is captured at the socket while `action` brings `packets` to it.
  std::vector<PointCounts> Capture(const UniqueFd& socket, std::uint64_t packets, SessionOptions options,
                                   const std::function<void()>& action) const {
    const RawProgram filter = KeepsEvenLengths(BPF_PROG_TYPE_SOCKET_FILTER);
    EXPECT_NE(filter.program().instrumentation()->method(), InstrumentMethod::kNone);
    const auto attached = AttacherFor("socket").attach(
        filter.program(), {.ns = nullptr, .interface = "", .socket_fd = socket.get(), .mode = "auto"});
    options.output = path_;
    options.buffer_kind = GetParam();
    CaptureSession session(options);
    for (const CapturePoint& point : InstrumentedPoints("server", filter.program(), {})) session.Add(point);
    session.Start();
    action();
    const auto received = [&] {
      std::uint64_t sum = 0;
      for (const PointCounts& point : session.Counts()) sum += point.received;
      return sum;
    };
    const auto deadline = std::chrono::steady_clock::now() + kSocketPatience;
    while (received() < packets && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CaptureResult result = session.Stop();
    EXPECT_EQ(result.buffer_kind, GetParam());
    for (const PointCounts& point : result.points) EXPECT_EQ(point.matched, point.written + point.lost);
    return result.points;
  }
  void ExpectFile(const std::vector<Bytes>& frames) const {
    const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
    ASSERT_THAT(packets, SizeIs(frames.size()));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(packets[i].bytes, frames[i]) << "packet " << i + 1;
      EXPECT_EQ(packets[i].wire_length, frames[i].size()) << "packet " << i + 1;
    }
    EXPECT_TRUE(std::is_sorted(packets.begin(), packets.end(), [](const ReadPacket& a, const ReadPacket& b) {
      return a.time_ns < b.time_ns;
    }));
  }

  const Topology topology_;
  const TempDir folder_;
  const std::string path_ = folder_.Path("out.pcapng");
};

INSTANTIATE_TEST_SUITE_P(Through, SocketCapture, ::testing::Values(BufferKind::kRing, BufferKind::kPerf),
                         [](const auto& kind) { return std::string(BufferKindName(kind.param)); });

TEST_P(SocketCapture, AUdpSocketsPacketsAreWholeFramesWithTheirVerdicts) {
  std::vector<Bytes> frames;
  for (const std::size_t data : {1U, 2U, 19U, 200U, 1401U})
    frames.push_back(Addressed(Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, data))));
  const auto points = Capture(UdpSocket(AF_INET), frames.size(), {}, [&] { Send(frames); });
  ExpectFile(frames);
  EXPECT_THAT(ReadWithTshark(path_, {"frame.comment", "udp.dstport", "udp.length"}),
              ElementsAre("SOCKET_DROP\t53\t9", "SOCKET_PASS\t53\t10", "SOCKET_DROP\t53\t27",
                          "SOCKET_PASS\t53\t208", "SOCKET_DROP\t53\t1409"));
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].verdict, "SOCKET_DROP");
  EXPECT_EQ(points[0].written, 3U);
  EXPECT_EQ(points[1].written, 2U);
}

TEST_P(SocketCapture, Ipv6HeadersAreThereWithTheirExtensions) {
  const Bytes hop_by_hop = testing::FromHex("11 00 01 04 00 00 00 00");  // PadN, then UDP
  const Bytes destination = testing::FromHex("11 01 1e 0c 00 00 00 00 00 00 00 00 00 00 00 00");
  std::vector<Bytes> frames = {Ipv6Frame(IPPROTO_UDP, kClient6, kServer6, Udp(1000, 53, 18)),
                               WithExtension(IPPROTO_HOPOPTS, hop_by_hop, 19),
                               WithExtension(IPPROTO_DSTOPTS, destination, 20),
                               Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, 30))};
  for (Bytes& frame : frames) frame = Addressed(frame);
  Capture(UdpSocket(AF_INET6), frames.size(), {}, [&] { Send(frames); });
  ExpectFile(frames);
}

TEST_P(SocketCapture, PacketSocketsAndRawSocketsShowTheSameFrames) {
  std::vector<Bytes> frames;
  for (const std::size_t data : {18U, 33U, 700U})
    frames.push_back(Addressed(Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 54, data))));
  Capture(PacketSocket(SOCK_RAW), frames.size(), {}, [&] { Send(frames); });
  ExpectFile(frames);
  Capture(PacketSocket(SOCK_DGRAM), frames.size(), {}, [&] { Send(frames); });
  ExpectFile(frames);
  Capture(ServerSocket(AF_INET, SOCK_RAW, IPPROTO_UDP), frames.size(), {}, [&] { Send(frames); });
  ExpectFile(frames);
}

TEST_P(SocketCapture, WhatIsNoNetworkPacketSaysSo) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd receiver(ends[0]), sender(ends[1]);
  Capture(receiver, 1, {}, [&] { EXPECT_EQ(::send(sender.get(), "four", 4, 0), 4); });
  ExpectFile({testing::FromHex("000000000000 000000000000 88b5 666f7572")});
}

TEST_P(SocketCapture, ASnapLengthCountsFromTheEthernetHeader) {
  const Bytes frame = Addressed(Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, 100)));
  for (const std::uint32_t snaplen : {1U, 13U, 33U, 42U, 60U, 142U, 143U}) {
    Capture(UdpSocket(AF_INET), 1, {.snaplen = snaplen}, [&] { Send({frame}); });
    const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
    ASSERT_THAT(packets, SizeIs(1)) << snaplen;
    EXPECT_EQ(packets[0].bytes, Bytes(frame.begin(), frame.begin() + std::min<std::ptrdiff_t>(snaplen, 142)));
    EXPECT_EQ(packets[0].wire_length, 142U);
  }
}

// Loads in the Ethernet header, in the network headers, in the data and across their borders.
TEST_P(SocketCapture, FiltersSeeTheFrameAndDecideAsLibpcap) {
  std::vector<Bytes> frames;
  for (const std::size_t data : {1U, 4U, 18U, 100U, 1000U}) {
    frames.push_back(Addressed(Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, 53, data))));
    frames.push_back(Addressed(Ipv4Frame(IPPROTO_UDP, "0a000003", "0a000002", Udp(53, 53, data))));
  }
  for (const char* expression :
       {"udp dst port 53", "udp src port 53", "src host 10.0.0.3", "ip6", "ether src 02:00:00:00:00:01",
        "ether[12:4] = 0x08004500", "ether[11:2] = 0x0108", "ether[32:4] = 0x000203e8",
        "ether[30:4] = 0x0a000002", "ether[44:4] & 1 = 1", "udp[8] = 0", "len > 100", "greater 60",
        "udp[4:2] > 30", "ip[ip[0] & 0xf] = 0", "ether[142] = 0", "not udp port 1000", "ether[13:1] = 0"}) {
    const ClassicProgram program = CompileExpression(expression);
    std::vector<Bytes> expected;
    for (const Bytes& frame : frames) {
      if (RunReference(program, frame, static_cast<std::uint32_t>(frame.size())) != 0)
        expected.push_back(frame);
    }
    const auto points =
        Capture(UdpSocket(AF_INET), frames.size(), {.filter = expression}, [&] { Send(frames); });
    SCOPED_TRACE(expression);
    ExpectFile(expected);
  }
}

}  // namespace
}  // namespace knetlab
