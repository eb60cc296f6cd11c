// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>

#include "harness/traffic/test_frame_tap.h"
#include "harness/traffic/test_packets.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace): FromHex and operator+

class RecordingObserver : public SendObserver {
 public:
  struct Batch {
    std::uint64_t first;
    std::uint32_t count;
  };
  void OnSocket(std::uint64_t cookie, std::uint32_t) override { cookies.push_back(cookie); }
  void OnBatch(std::uint64_t first, std::uint32_t count) override {
    batches.push_back({first, count});
    if (on_batch) on_batch();
  }
  std::vector<std::uint64_t> cookies;
  std::vector<Batch> batches;
  std::function<void()> on_batch;
};

Capture CaptureOf(std::vector<Packet> packets) {
  Capture capture;
  capture.path = "test";
  capture.packets = std::move(packets);
  return capture;
}

std::vector<Bytes> BytesOf(const std::vector<Packet>& packets) {
  std::vector<Bytes> bytes;
  bytes.reserve(packets.size());
  for (const Packet& packet : packets) bytes.push_back(packet.bytes);
  return bytes;
}

class ReplayTest : public ::testing::Test {
 protected:
  explicit ReplayTest(const TopologySpec& spec = TwoNamespaces()) : topology_(Topology::Build(spec)) {}

  const Namespace& client() const { return topology_.ns("client"); }
  const Namespace& server() const { return topology_.ns("server"); }

  TrafficReport Send(std::vector<Packet> packets, const ReplayOptions& options = {},
                     std::uint64_t first_index = 1) {
    Replay replay(CaptureOf(std::move(packets)), options);
    return replay.Send({.ns = &client(),
                        .interface = "eth0",
                        .observer = &observer_,
                        .first_index = first_index,
                        .stop = stop_.get_token()});
  }

  void SetDown(const Namespace& ns) {
    ns.Run([] {
      const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      ifreq request{};
      std::string("eth0").copy(request.ifr_name, IFNAMSIZ - 1);
      ASSERT_EQ(::ioctl(fd.get(), SIOCGIFFLAGS, &request), 0);
      request.ifr_flags = static_cast<short>(request.ifr_flags & ~IFF_UP);
      ASSERT_EQ(::ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
    });
  }

  Topology topology_;
  RecordingObserver observer_;
  std::stop_source stop_;
};

struct Way {
  std::uint32_t batch;
  bool bypass;
  const char* pace;
};

class ReplayWays : public ReplayTest, public ::testing::WithParamInterface<Way> {};

TEST_P(ReplayWays, EveryPacketArrivesOnceInOrderAndUnchanged) {
  const std::vector<Packet> packets = DistinctFrames(300, 100);
  FrameTap tap(server(), "eth0");
  const TrafficReport report = Send(packets, {.pace = Pace::Parse(GetParam().pace),
                                              .loops = 2,
                                              .batch = GetParam().batch,
                                              .qdisc_bypass = GetParam().bypass});
  EXPECT_EQ(report.packets, 600U);
  EXPECT_EQ(report.attempted, 600U);
  EXPECT_EQ(report.bytes, 60'000U);
  EXPECT_THAT(report.refusals, IsEmpty());
  EXPECT_EQ(report.method, "af-packet");
  EXPECT_GT(report.duration_ns, 0U);
  EXPECT_TRUE(tap.Take(300) == BytesOf(packets)) << "first loop";
  EXPECT_TRUE(tap.Take(300) == BytesOf(packets)) << "second loop";
  EXPECT_FALSE(tap.HasMore());
}

INSTANTIATE_TEST_SUITE_P(Ways, ReplayWays,
                         ::testing::Values(Way{1, false, "max"}, Way{7, false, "max"}, Way{64, false, "max"},
                                           Way{5000, false, "max"}, Way{64, true, "max"}, Way{1, true, "max"},
                                           Way{64, false, "200000pps"}, Way{64, false, "original"}));

TEST_F(ReplayTest, TheObserverIsToldOfTheSocketAndOfEachPacketBeforeItIsSent) {
  FrameTap tap(server(), "eth0");
  bool early = false;
  observer_.on_batch = [&] { early |= observer_.batches.size() == 1 && tap.HasMore(); };
  Send(DistinctFrames(150, 100), {}, 1000);
  EXPECT_FALSE(early);
  ASSERT_THAT(observer_.cookies, SizeIs(1));
  EXPECT_NE(observer_.cookies[0], 0U);
  std::uint64_t next = 1000;
  for (const auto& batch : observer_.batches) {
    EXPECT_EQ(batch.first, next);
    EXPECT_LE(batch.count, 64U);
    next += batch.count;
  }
  EXPECT_EQ(next, 1150U);
}

TEST_F(ReplayTest, FramesAboveTheMtuAreRefusedByNumberAndTheOthersArrive) {
  std::vector<Packet> packets = DistinctFrames(10, 100);
  packets[3].bytes.resize(1515);  // MTU 1500 and the Ethernet header, and one
  packets[9].bytes.resize(80'000);
  FrameTap tap(server(), "eth0");
  const TrafficReport report = Send(packets);
  ASSERT_THAT(report.refusals, SizeIs(2));
  EXPECT_THAT(report.refusals, Each(Field(&Refusal::error, EMSGSIZE)));
  EXPECT_EQ(report.refusals[0].index, 4U);
  EXPECT_EQ(report.refusals[1].index, 10U);
  EXPECT_EQ(report.packets, 8U);
  EXPECT_EQ(report.attempted, 10U);
  packets.erase(packets.begin() + 9);
  packets.erase(packets.begin() + 3);
  EXPECT_TRUE(tap.Take(8) == BytesOf(packets));
}

TEST_F(ReplayTest, FramesOfExactlyTheMtuAreSent) {
  std::vector<Packet> packets = DistinctFrames(1, 1514);
  FrameTap tap(server(), "eth0");
  EXPECT_EQ(Send(packets).packets, 1U);
  EXPECT_TRUE(tap.Take(1) == BytesOf(packets));
}

TEST_F(ReplayTest, AnInterfaceThatIsDownRefusesEveryPacketWithEnetdown) {
  SetDown(client());
  const TrafficReport report = Send(DistinctFrames(100, 100));
  EXPECT_EQ(report.packets, 0U);
  EXPECT_EQ(report.bytes, 0U);
  EXPECT_EQ(report.attempted, 100U);
  ASSERT_THAT(report.refusals, SizeIs(100));
  EXPECT_THAT(report.refusals, Each(Field(&Refusal::error, ENETDOWN)));
  EXPECT_EQ(report.refusals.back().index, 100U);
}

TEST_F(ReplayTest, AMissingInterfaceIsAnErrorThatNamesThoseThere) {
  Replay replay(CaptureOf(DistinctFrames(1, 100)), {});
  try {
    replay.Send({.ns = &client(), .interface = "eth7"});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("client:eth7"), HasSubstr("eth0")));
  }
}

TEST_F(ReplayTest, AStopEndsTheSendingBetweenSystemCalls) {
  observer_.on_batch = [&] { stop_.request_stop(); };
  const TrafficReport report = Send(DistinctFrames(300, 100), {.loops = 1'000'000});
  EXPECT_EQ(report.attempted, 64U);
  EXPECT_EQ(report.packets, 64U);
}

TEST_F(ReplayTest, AStopEndsTheWaitForThePaceAtOnce) {
  observer_.on_batch = [&] { stop_.request_stop(); };
  const TrafficReport report = Send(DistinctFrames(2, 100), {.pace = Pace::Parse("0.0001pps")});
  EXPECT_EQ(report.attempted, 1U);
}

TEST_F(ReplayTest, AStopBeforeTheStartSendsNothing) {
  stop_.request_stop();
  const TrafficReport report = Send(DistinctFrames(2, 100));
  EXPECT_EQ(report.attempted, 0U);
  EXPECT_THAT(observer_.batches, IsEmpty());
}

TEST_F(ReplayTest, RewritesBeforeSending) {
  Rewrite rewrite;
  rewrite.destination_mac = MacAddress::Parse("0a:00:00:00:00:07");
  FrameTap tap(server(), "eth0");
  Send(DistinctFrames(1, 100), {.rewrite = rewrite});
  const std::vector<Bytes> received = tap.Take(1);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(Bytes(received[0].begin(), received[0].begin() + 6), FromHex("0a0000000007"));
}

TEST(ReplayOptionsTest, RefusesWhatSendsNothing) {
  const Capture capture = CaptureOf(DistinctFrames(3, 100));
  EXPECT_THROW(Replay(capture, {.loops = 0}), Error);
  EXPECT_THROW(Replay(capture, {.batch = 0}), Error);
  EXPECT_THROW(Replay(capture, {.loops = ~0ULL}), Error);
  EXPECT_EQ(Replay(capture, {.loops = 5}).total(), 15U);
}

TopologySpec WithSlowQdisc() {
  TopologySpec spec = TwoNamespaces();
  QdiscSpec qdisc{.ns = "client", .device = "eth0", .kind = "tbf", .options = {}};
  qdisc.options = {{"rate", "8kbit"}, {"burst", "2k"}, {"limit", "3000"}};
  spec.qdiscs = {qdisc};
  return spec;
}

class ReplayThroughSlowQdisc : public ReplayTest {
 protected:
  ReplayThroughSlowQdisc() : ReplayTest(WithSlowQdisc()) {}
};

// The qdisc's drops come back as ENOBUFS, most of them in the middle of a sendmmsg(2).
TEST_F(ReplayThroughSlowQdisc, PacketsRefusedInMidBatchAreCountedAndNotOfferedAgain) {
  const std::vector<Packet> packets = DistinctFrames(100, 1000);
  FrameTap tap(server(), "eth0");
  const TrafficReport report = Send(packets);
  EXPECT_EQ(report.attempted, 100U);
  EXPECT_EQ(report.packets + report.refusals.size(), 100U);
  ASSERT_GE(report.refusals.size(), 90U);
  EXPECT_THAT(report.refusals, Each(Field(&Refusal::error, ENOBUFS)));
  std::set<std::uint64_t> refused;
  for (const Refusal& refusal : report.refusals) refused.insert(refusal.index);
  EXPECT_THAT(refused, SizeIs(report.refusals.size()));
  EXPECT_GT(*refused.begin(), 1U) << "the refusal came in mid-batch";
  const std::vector<Bytes> received = tap.Take(2);  // the burst; what is queued comes a second apart
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[0], packets[0].bytes);
  EXPECT_EQ(received[1], packets[1].bytes);
  for (std::size_t i = 1; i < observer_.batches.size(); ++i) {
    EXPECT_GT(observer_.batches[i].first, observer_.batches[i - 1].first) << "a packet was offered twice";
  }
}

}  // namespace
}  // namespace knetlab
