// SPDX-License-Identifier: Apache-2.0
// Real packets on real veths, each ending at a place that is known beforehand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <thread>

#include "harness/measure/account_test_support.h"
#include "harness/program/attach.h"
#include "harness/traffic/receiver.h"
#include "harness/traffic/replay.h"
#include "netns/error.h"

namespace knetlab {
namespace {

struct AttachedXdp {
  BpfObject object;
  std::unique_ptr<Attachment> attachment;
  HookedProgram hook;
};

AttachedXdp AttachXdp(const Topology& topology, const std::string& program, int target = 0,
                      const std::string& mode = "native") {
  LoadOptions options;
  options.programs = {program};
  options.globals["target"] = [target](std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), &target, std::min(size, sizeof(target)));
    return bytes;
  };
  BpfObject object = BpfObject::Load(KNETLAB_OBJECTS "/account_test.bpf.o", options);
  AttachPoint point;
  point.ns = &topology.ns("server");
  point.interface = "eth0";
  point.mode = mode;
  auto attachment = AttacherFor("xdp").attach(object.program(program), point);
  HookedProgram hook{
      .endpoint = "server:eth0", .hook = "xdp", .mode = attachment->Mode(), .program = program};
  return {std::move(object), std::move(attachment), hook};
}

TEST(Account, NamesThePortThatNobodyListensOn) {
  Topology topology = Topology::Build(Pair());
  Sent sent =
      SendThrough(topology, OpenAccount(SharedTracer(), topology, {}, {}), Datagrams(topology, {60, 61, 62}));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  ASSERT_EQ(sent.result.ledger.entries.size(), 1u) << sent.Text();
  EXPECT_EQ(sent.result.ledger.entries[0].fate, Fate::kPassed);
  EXPECT_EQ(sent.result.ledger.entries[0].reason, "NO_SOCKET");
}

TEST(Account, NamesTheSocketThatWasGivenThePackets) {
  Topology topology = Topology::Build(Pair());
  Receiver receiver(
      topology.ns("server"),
      {.address = IpAddress::Parse("10.0.0.2"), .port = 53, .interface = "", .buffer_bytes = {}}, "dns");
  Sent sent =
      SendThrough(topology, OpenAccount(SharedTracer(), topology, {}, {}), Datagrams(topology, {60, 61, 62}));
  ExpectOnly(sent, Fate::kDelivered, "server:socket 10.0.0.2:53", "", 3);
}

// The account closes while a slow reader is still at it: no packet is both waiting in the socket and read.
TEST(Account, CountsEachPacketOnceWhileASlowReaderEmptiesTheSocket) {
  static constexpr std::size_t kPackets = 1000;
  static constexpr std::chrono::microseconds kPause{80};
  Topology topology = Topology::Build(Pair());
  Receiver receiver(topology.ns("server"),
                    {.address = IpAddress::Parse("10.0.0.2"),
                     .port = 53,
                     .interface = "",
                     .read = false,
                     .buffer_bytes = 8 << 20},
                    "dns");
  for (int round = 0; round < 2; round++) {
    std::unique_ptr<Account> account = OpenAccount(SharedTracer(), topology, {}, {});
    Replay replay(Datagrams(topology, std::vector<std::size_t>(kPackets, 100)), {});
    const TrafficReport report = replay.Send(
        {.ns = &topology.ns("client"), .interface = "eth0", .observer = account.get(), .stop = {}});
    std::thread reader([fd = receiver.fd()] {
      std::array<char, 128> buffer{};
      for (std::size_t i = 0; i<kPackets&& ::recv(fd, buffer.data(), buffer.size(), 0)> 0; i++) {
        const auto next = std::chrono::steady_clock::now() + kPause;
        while (std::chrono::steady_clock::now() < next) continue;
      }
    });
    const Sent sent = {account->Close({{"client", report}}, kDeadline)};
    reader.join();
    ExpectOnly(sent, Fate::kDelivered, "server:socket 10.0.0.2:53", "", kPackets);
  }
}

// The calling thread and those that it starts, on one CPU while this lives.
class OnOneCpu {
 public:
  OnOneCpu() {
    EXPECT_EQ(::sched_getaffinity(0, sizeof(before_), &before_), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    EXPECT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  }
  ~OnOneCpu() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_{};
};

// A socket's reader frees without an event, on the CPU that made the packet, and generic XDP elsewhere makes
// its copies in that memory without one.
TEST(Account, KeepsWhatWasDeliveredApartFromCopiesThatGenericXdpMakesElsewhere) {
  const OnOneCpu on_one_cpu;
  Topology topology = Topology::Build(Pair()), elsewhere = Topology::Build(Pair());
  Receiver receiver(
      topology.ns("server"),
      {.address = IpAddress::Parse("10.0.0.2"), .port = 53, .interface = "", .buffer_bytes = {}}, "dns");
  const AttachedXdp xdp = AttachXdp(elsewhere, "pass_all", 0, "generic");
  Capture wrong = Datagrams(elsewhere, std::vector<std::size_t>(100, 60));
  for (Packet& packet : wrong.packets) packet.bytes[24] ^= std::byte{1};  // IP checksum
  const Capture right = Datagrams(topology, std::vector<std::size_t>(16, 60));
  for (int round = 0; round < 5; round++) {
    std::unique_ptr<Account> account = OpenAccount(SharedTracer(), topology, {}, {});
    const TrafficReport report = Replay(right, {}).Send(
        {.ns = &topology.ns("client"), .interface = "eth0", .observer = account.get(), .stop = {}});
    Replay(wrong, {}).Send({.ns = &elsewhere.ns("client"), .interface = "eth0", .stop = {}});
    ExpectOnly({account->Close({{"client", report}}, kDeadline)}, Fate::kDelivered,
               "server:socket 10.0.0.2:53", "", right.packets.size());
  }
}

TEST(Account, NamesTheFullSocketAndCountsWhatItDidNotTake) {
  Topology topology = Topology::Build(Pair());
  Receiver receiver(topology.ns("server"),
                    {.address = IpAddress::Parse("10.0.0.2"),
                     .port = 53,
                     .interface = "",
                     .read = false,
                     .buffer_bytes = 4096},
                    "dns");
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {}, {}),
                          Datagrams(topology, std::vector<std::size_t>(50, 100)));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  std::uint64_t held = sent.result.ledger.CountAt(Fate::kDelivered, "server:socket 10.0.0.2:53");
  EXPECT_GT(held, 0u) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kLost, "server:socket 10.0.0.2:53"), 50 - held) << sent.Text();
}

TEST(Account, CountsWhatTheKernelWouldNotTakeAtTheSendersSocket) {
  Topology topology = Topology::Build(Pair());
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {}, {.per_packet = true}),
                          Datagrams(topology, {2000, 60, 3000}));
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kLost, "client:socket"), 2u) << sent.Text();
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  ASSERT_EQ(sent.result.packets.size(), 3u);
  EXPECT_EQ(sent.result.packets[0].verdict, "REFUSED");
  EXPECT_EQ(sent.result.packets[0].reason, "EMSGSIZE");
  EXPECT_EQ(sent.result.packets[1].fate, Fate::kPassed);
}

TEST(Account, NamesTheQueueThatWasFull) {
  TopologySpec spec = Pair();
  spec.qdiscs.push_back({.ns = "client",
                         .device = "eth0",
                         .kind = "tbf",
                         .options = {{"rate", "8kbit"}, {"burst", "2k"}, {"limit", "3k"}}});
  Topology topology = Topology::Build(spec);
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {}, {}),
                          Datagrams(topology, std::vector<std::size_t>(20, 1000)));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_GE(sent.result.ledger.CountAt(Fate::kLost, "client:eth0 qdisc"), 15u) << sent.Text();
}

TEST(Account, TellsTheVerdictOfEachPacketInOrder) {
  Topology topology = Topology::Build(Pair());
  for (const char* mode : {"native", "generic"}) {
    SCOPED_TRACE(mode);
    AttachedXdp xdp = AttachXdp(topology, "drop_odd", 0, mode);
    Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {.per_packet = true}),
                            Datagrams(topology, {60, 61, 62, 63, 65}));
    EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
    std::vector<std::string> verdicts;
    for (const PacketFate& packet : sent.result.packets) verdicts.push_back(packet.verdict);
    EXPECT_THAT(verdicts, testing::ElementsAre("XDP_PASS", "XDP_DROP", "XDP_PASS", "XDP_DROP", "XDP_DROP"));
    EXPECT_EQ(sent.result.hooks[0].verdicts,
              (std::map<std::string, std::uint64_t>{{"XDP_DROP", 3}, {"XDP_PASS", 2}}));
  }
}

TEST(Account, TellsAnUnknownVerdictByItsNumber) {
  Topology topology = Topology::Build(Pair());
  AttachedXdp xdp = AttachXdp(topology, "unknown_verdict");
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                          Datagrams(topology, {60, 61}));
  ExpectOnly(sent, Fate::kDropped, "server:eth0 xdp unknown_verdict", "17", 2);
}

TEST(Account, NamesTheRedirectWhosePeerHasNoNapi) {
  Topology topology = Topology::Build(Pair());
  AttachedXdp xdp = AttachXdp(topology, "redirect_all", topology.endpoint("server:eth0").ifindex);
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                          Datagrams(topology, {60, 61}));
  ExpectOnly(sent, Fate::kLost, "server:eth0 no napi", "EOPNOTSUPP", 2);
}

TEST(Account, NamesTheRedirectToNoInterface) {
  Topology topology = Topology::Build(Pair());
  AttachedXdp xdp = AttachXdp(topology, "redirect_all", 999);
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                          Datagrams(topology, {60, 61}));
  ExpectOnly(sent, Fate::kLost, "server:eth0 xdp redirect", "EINVAL", 2);
}

TEST(Account, CountsWhatCouldNotBeSentBackAsLost) {
  Topology topology = Topology::Build(Pair());
  AttachedXdp xdp = AttachXdp(topology, "send_back");  // the peer takes no frames
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                          Datagrams(topology, {60, 61}));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kLost, "server:eth0 xdp tx"), 2u) << sent.Text();
}

TEST(Account, CountsEachFrameThatWasLostAlthoughItsMemoryIsUsedAgain) {
  Topology topology = Topology::Build(Pair());
  AttachedXdp xdp = AttachXdp(topology, "send_back");
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                          Datagrams(topology, std::vector<std::size_t>(500, 60)));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kLost, "server:eth0 xdp tx"), 500u) << sent.Text();
}

TEST(Account, RunsAtOnceDoNotMix) {
  std::vector<std::thread> threads;
  for (std::size_t n = 1; n <= 6; n++) {
    threads.emplace_back([n] {
      Topology topology = Topology::Build(Pair());
      AttachedXdp xdp = AttachXdp(topology, "drop_odd");
      Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {xdp.hook}, {}),
                              Datagrams(topology, std::vector<std::size_t>(100 * n, 61)));
      ExpectOnly(sent, Fate::kDropped, "server:eth0 xdp drop_odd", "XDP_DROP", 100 * n);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Account, CountersAloneAgreeWithTracingWhereTheyCanTell) {
  Topology topology = Topology::Build(Pair());
  Receiver receiver(
      topology.ns("server"),
      {.address = IpAddress::Parse("10.0.0.2"), .port = 53, .interface = "", .buffer_bytes = {}}, "dns");
  AttachedXdp xdp = AttachXdp(topology, "drop_odd");
  Sent sent = SendThrough(topology, OpenAccount(nullptr, topology, {xdp.hook}, {}),
                          Datagrams(topology, {60, 61, 62, 63, 65}));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kDropped, "server:eth0 xdp drop_odd"), 3u) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(Fate::kDelivered, "server:socket"), 2u) << sent.Text();
  EXPECT_EQ(sent.result.hooks[0].verdicts,
            (std::map<std::string, std::uint64_t>{{"XDP_DROP", 3}, {"XDP_PASS", 2}}));
}

TEST(Account, CountersAloneSayWhatTheyDoNotKnow) {
  Topology topology = Topology::Build(Pair());
  Capture capture = Datagrams(topology, {60});
  capture.packets[0].bytes[12] = std::byte{0x12};  // an unknown protocol: refused without any counter
  Sent sent = SendThrough(topology, OpenAccount(nullptr, topology, {}, {}), capture);
  EXPECT_FALSE(sent.result.ledger.balanced());
  EXPECT_EQ(sent.result.ledger.unaccounted, 1u);
  EXPECT_FALSE(sent.result.ledger.missing.empty());
  EXPECT_THROW(OpenAccount(nullptr, topology, {}, {.per_packet = true}), Error);
}

}  // namespace
}  // namespace knetlab
