// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/live_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "harness/traffic/method.h"
#include "harness/traffic/test_frame_tap.h"
#include "harness/traffic/test_packets.h"
#include "netns/counters.h"
#include "netns/device_attribute.h"
#include "netns/error.h"
#include "netns/ethtool.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace)

// The peer has GRO, and so takes frames, and hands them to whoever listens.
class LiveFramesTest : public ::testing::Test {
 protected:
  LiveFramesTest() : topology_(Topology::Build(TwoNamespaces(true))) {}

  const Namespace& client() const { return topology_.ns("client"); }
  const Namespace& server() const { return topology_.ns("server"); }
  SendContext Context() const {
    return {.ns = &client(), .interface = "eth0", .observer = nullptr, .stop = stop_.get_token()};
  }
  TrafficReport Send(const std::vector<Packet>& packets, const LiveFramesOptions& options = {}) {
    MemoryFeed feed("test", packets);
    return LiveFrames(feed, options).Send(Context());
  }

  void TurnGroOff() const {
    server().Run([] {
      SetFeatures(static_cast<int>(::if_nametoindex("eth0")), "server:eth0",
                  {{"generic-receive-offload", false}});
    });
  }

  Topology topology_;
  std::stop_source stop_;
};

std::vector<Packet> OfLengths(const std::vector<std::size_t>& lengths) {
  std::vector<Packet> packets = DistinctFrames(lengths.size(), 1514);
  for (std::size_t i = 0; i < lengths.size(); i++) packets[i].bytes.resize(lengths[i]);
  return packets;
}

std::vector<Bytes> BytesOf(const std::vector<Packet>& packets) {
  std::vector<Bytes> bytes;
  for (const Packet& packet : packets) bytes.push_back(packet.bytes);
  return bytes;
}

TEST_F(LiveFramesTest, EveryPacketArrivesOnceInOrderAndUnchanged) {
  const std::vector<Packet> packets = DistinctFrames(300, 100);
  FrameTap tap(server(), "eth0");
  const TrafficReport report = Send(packets, {.loops = 2});
  EXPECT_EQ(report.method, "live-frames");
  EXPECT_EQ(report.packets, 600U);
  EXPECT_EQ(report.attempted, 600U);
  EXPECT_EQ(report.failed(), 0U);
  EXPECT_EQ(report.bytes, 60'000U);
  EXPECT_GT(report.duration_ns, 0U);
  EXPECT_TRUE(tap.Take(300) == BytesOf(packets)) << "first loop";
  EXPECT_TRUE(tap.Take(300) == BytesOf(packets)) << "second loop";
  EXPECT_FALSE(tap.HasMore());
}

// A frame's memory is used again for the next: nothing of a longer packet may be left in a shorter one.
TEST_F(LiveFramesTest, EveryLengthFromAnEthernetHeaderToTheMtuArrivesWhole) {
  std::vector<std::size_t> lengths;
  for (std::size_t length = 14; length <= 1514; length++) lengths.push_back(length);
  for (std::size_t i = 0; i < lengths.size(); i += 2) std::swap(lengths[i], lengths[lengths.size() - 1 - i]);
  const std::vector<Packet> packets = OfLengths(lengths);
  FrameTap tap(server(), "eth0");
  EXPECT_EQ(Send(packets).packets, packets.size());
  const std::vector<Bytes> got = tap.Take(packets.size());
  ASSERT_EQ(got.size(), packets.size());
  for (std::size_t i = 0; i < got.size(); i++)
    EXPECT_TRUE(got[i] == packets[i].bytes) << lengths[i] << " bytes";
}

TEST_F(LiveFramesTest, PacketsOfManySlabsKeepTheirOrder) {
  const std::vector<Packet> packets = DistinctFrames(5000, 600);  // 3 MB
  FrameTap tap(server(), "eth0");
  EXPECT_EQ(Send(packets, {.loops = 2}).packets, 10'000U);
  EXPECT_TRUE(tap.Take(5000) == BytesOf(packets));
  EXPECT_TRUE(tap.Take(5000) == BytesOf(packets));
}

TEST_F(LiveFramesTest, AtTheHighestRateEveryPacketArrivesWholeAndInOrder) {
  const std::vector<std::size_t> mix = {64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1514};
  std::vector<std::size_t> lengths;
  for (std::size_t i = 0; i < 4096; i++) lengths.push_back(mix[i % mix.size()]);
  const std::vector<Packet> packets = OfLengths(lengths);
  const OrderSink sink(server(), "eth0");
  const TrafficReport report = Send(packets, {.loops = 50});
  EXPECT_EQ(report.packets, 50U * 4096);
  EXPECT_EQ(sink.packets(), 50U * 4096);
  EXPECT_EQ(sink.hash(), OrderSink::HashOf(packets, 50));
}

// Its reader then sleeps and wakes while the sender goes on: without waiting for it the ring overflows.
TEST_F(LiveFramesTest, AReaderThatIsAThreadOfItsOwnGetsEveryPacketInOrder) {
  const OrderSink sink(server(), "eth0");
  server().Run([] { WriteDeviceAttributes("eth0", "server:eth0", {{"threaded", "1"}}); });
  const std::vector<Packet> packets = DistinctFrames(4096, 64);
  MemoryFeed feed("test", packets);
  LiveFrames source(feed, {.loops = 30});
  const TrafficReport report = source.Send(Context());
  EXPECT_EQ(report.packets, source.total());
  EXPECT_TRUE(report.lost.empty()) << report.lost.front().count << " " << report.lost.front().reason;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (sink.packets() < source.total() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(sink.packets(), source.total());
  EXPECT_EQ(sink.hash(), OrderSink::HashOf(packets, 30));
}

TEST_F(LiveFramesTest, WhatDoesNotFitTheMemoryStreamsInTheSameOrder) {
  const std::vector<Packet> packets = DistinctFrames(50'000, 1400);  // 70 MB, the slabs of a stream have 64
  MemoryFeed feed("test", packets);
  LiveFrames source(feed, {.loops = 2, .max_memory = 0});
  ASSERT_TRUE(source.streams());
  const OrderSink sink(server(), "eth0");
  EXPECT_EQ(source.Send(Context()).packets, 2 * packets.size());
  EXPECT_EQ(sink.packets(), 2 * packets.size());
  EXPECT_EQ(sink.hash(), OrderSink::HashOf(packets, 2));
}

TEST_F(LiveFramesTest, ACountEndsInTheMiddleOfARound) {
  const std::vector<Packet> packets = DistinctFrames(100, 64);
  FrameTap tap(server(), "eth0");
  EXPECT_EQ(Send(packets, {.loops = 10, .count = 250}).packets, 250U);
  EXPECT_EQ(tap.Take(250).size(), 250U);
  EXPECT_FALSE(tap.HasMore());
}

TEST_F(LiveFramesTest, SendingAgainBeginsAnew) {
  const std::vector<Packet> packets = DistinctFrames(10, 64);
  MemoryFeed feed("test", packets);
  LiveFrames source(feed, {.loops = 1});
  FrameTap tap(server(), "eth0");
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(source.Send(Context()).packets, 10U);
    EXPECT_TRUE(tap.Take(10) == BytesOf(packets)) << i;
  }
}

TEST_F(LiveFramesTest, SeveralThreadsSendEveryPacketOfEveryRoundOnce) {
  const std::vector<Packet> packets = DistinctFrames(1000, 64);
  FrameTap tap(server(), "eth0");
  const TrafficReport report = Send(packets, {.loops = 3, .count = 2500, .threads = 2});
  EXPECT_EQ(report.packets + report.unsent, 2500U);
  std::map<Bytes, int> seen;
  for (Bytes& frame : tap.Take(report.packets)) seen[std::move(frame)]++;
  // Both on one queue may fill it: which frames were not sent then is not known, but none is sent too often.
  for (std::size_t i = 0; i < packets.size(); i++) {
    const int wanted = i < 500 ? 3 : 2;
    EXPECT_LE(seen[packets[i].bytes], wanted) << i;
    if (report.unsent == 0) {
      EXPECT_EQ(seen[packets[i].bytes], wanted) << i;
    }
  }
}

TEST_F(LiveFramesTest, APaceIsKeptOnTheAverage) {
  for (const char* pace : {"20000pps", "10.24mbps", "original"}) {
    std::vector<Packet> packets = DistinctFrames(100, 64);  // 512 bits
    for (std::size_t i = 0; i < packets.size(); i++)
      packets[i].time_ns = 1'000'000'000 + i * 50'505;  // 99 gaps
    const TrafficReport report = Send(packets, {.pace = Pace::Parse(pace), .loops = 20});
    EXPECT_EQ(report.packets, 2000U) << pace;
    // Not how exactly, which depends on the machine: but never early.
    EXPECT_GE(report.duration_ns, 99'900'000U) << pace;
  }
}

// N packets at a rate of r take N/r, the last one's time included.
TEST_F(LiveFramesTest, TheDurationAtARateIncludesTheLastPacketsTime) {
  const TrafficReport report = Send(DistinctFrames(5, 64), {.pace = Pace::Parse("100pps")});
  EXPECT_GE(report.duration_ns, 50'000'000U);
}

TEST_F(LiveFramesTest, AStopEndsTheCallAndWhatWasSentIsCounted) {
  const std::vector<Packet> packets = DistinctFrames(100, 64);
  const auto before = LinkStatistics(server(), "eth0").at("rx_packets");
  MemoryFeed feed("test", packets);
  LiveFrames source(feed, {.loops = 1'000'000'000});
  std::jthread stopper([&] {
    while (LinkStatistics(server(), "eth0").at("rx_packets") < before + 1000) std::this_thread::yield();
    stop_.request_stop();
  });
  const TrafficReport report = source.Send(Context());
  EXPECT_GE(report.packets, 1000U);
  EXPECT_LT(report.packets, source.total());
  EXPECT_EQ(report.attempted, report.packets + report.unsent);
}

TEST_F(LiveFramesTest, AStopEndsTheWaitForThePace) {
  const std::vector<Packet> packets = DistinctFrames(2, 64);
  MemoryFeed feed("test", packets);
  LiveFrames source(feed, {.pace = Pace::Parse("0.3pps")});
  FrameTap tap(server(), "eth0");
  std::jthread stopper([&] {
    tap.Take(1);
    stop_.request_stop();
  });
  EXPECT_EQ(source.Send(Context()).packets, 1U);
}

TEST_F(LiveFramesTest, AStopBeforeTheStartSendsNothing) {
  stop_.request_stop();
  EXPECT_EQ(Send(DistinctFrames(2, 64)).attempted, 0U);
}

TEST_F(LiveFramesTest, RewritesBeforeSending) {
  Rewrite rewrite;
  rewrite.destination_mac = MacAddress::Parse("0a:00:00:00:00:07");
  FrameTap tap(server(), "eth0");
  Send(DistinctFrames(1, 100), {.rewrite = rewrite});
  const std::vector<Bytes> received = tap.Take(1);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(Bytes(received[0].begin(), received[0].begin() + 6), FromHex("0a0000000007"));
}

TEST_F(LiveFramesTest, FramesThatThePeerTakesNoMoreAreCountedAsUnsent) {
  TurnGroOff();
  const TrafficReport report = Send(DistinctFrames(100, 64));
  EXPECT_EQ(report.packets, 0U);
  EXPECT_EQ(report.unsent, 100U);
  EXPECT_EQ(report.attempted, 100U);
  ASSERT_EQ(report.lost.size(), 1U);
  EXPECT_EQ(report.lost[0].reason, "EOPNOTSUPP");
  EXPECT_EQ(report.lost[0].count, 100U);
}

TEST_F(LiveFramesTest, FramesThatTheWayOutIsTooNarrowForAreLostWithTheReason) {
  const TrafficReport report = Send(OfLengths({64, 1515 + 4, 64}));  // the kernel leaves room for a VLAN tag
  EXPECT_EQ(report.packets, 2U);
  ASSERT_EQ(report.lost.size(), 1U);
  EXPECT_EQ(report.lost[0].reason, "EMSGSIZE");
  EXPECT_EQ(report.lost[0].count, 1U);
}

TEST_F(LiveFramesTest, AutoChoosesLiveFramesWhereThePeerTakesThem) {
  const std::vector<Packet> packets = DistinctFrames(3, 64);
  MemoryFeed feed("test", packets);
  const FeedSummary summary = Summarise(feed);
  EXPECT_EQ(ChooseMethod(Method::kAuto, client(), "eth0", summary, {}).method, Method::kLiveFrames);
  TurnGroOff();
  const MethodChoice choice = ChooseMethod(Method::kAuto, client(), "eth0", summary, {});
  EXPECT_EQ(choice.method, Method::kAfPacket);
  EXPECT_THAT(choice.why, HasSubstr("generic-receive-offload"));
  EXPECT_THROW(ChooseMethod(Method::kLiveFrames, client(), "eth0", summary, {}), Error);
}

TEST_F(LiveFramesTest, AutoChoosesAfPacketForWhatDoesNotFitAndForLongWaits) {
  const std::vector<Packet> large = DistinctFrames(1, 1515), small = DistinctFrames(1, 64);
  MemoryFeed large_feed("large", large), small_feed("small", small);
  EXPECT_THAT(ChooseMethod(Method::kAuto, client(), "eth0", Summarise(large_feed), {}).why,
              AllOf(HasSubstr("packet 1"), HasSubstr("1515 bytes")));
  EXPECT_EQ(ChooseMethod(Method::kAuto, client(), "eth0", Summarise(small_feed), Pace::Parse("50pps")).method,
            Method::kAfPacket);
}

TEST_F(LiveFramesTest, AnObserverIsRefused) {
  class Observer : public SendObserver {
    void OnSocket(std::uint64_t, std::uint32_t) override {}
    void OnBatch(std::uint64_t, std::uint32_t) override {}
  } observer;
  const std::vector<Packet> packets = DistinctFrames(1, 64);
  MemoryFeed feed("test", packets);
  SendContext context = Context();
  context.observer = &observer;
  EXPECT_THROW(LiveFrames(feed, {}).Send(context), Error);
}

TEST_F(LiveFramesTest, AMissingInterfaceIsAnError) {
  const std::vector<Packet> packets = DistinctFrames(1, 64);
  MemoryFeed feed("test", packets);
  EXPECT_THROW(ChooseMethod(Method::kAuto, client(), "eth7", Summarise(feed), {}), Error);
  LiveFrames source(feed, {});
  EXPECT_THROW(source.Send({.ns = &client(), .interface = "eth7"}), Error);
}

TEST(LiveFramesOptionsTest, RefusesWhatCannotBe) {
  const std::vector<Packet> packets = DistinctFrames(3, 64), long_one = DistinctFrames(1, 5000), none;
  MemoryFeed feed("test", packets), long_feed("test", long_one), empty("test", none);
  EXPECT_THROW(LiveFrames(feed, {.loops = 0}), Error);
  EXPECT_THROW(LiveFrames(feed, {.loops = ~0ULL}), Error);
  EXPECT_THROW(LiveFrames(feed, {.threads = 0}), Error);
  EXPECT_THROW(LiveFrames(feed, {.pace = Pace::Parse("100pps"), .threads = 2}), Error);
  EXPECT_THROW(LiveFrames(feed, {.pace = Pace::Parse("0.1pps")}), Error);
  EXPECT_THROW(LiveFrames(long_feed, {}), Error);
  EXPECT_THROW(LiveFrames(empty, {}), Error);
  EXPECT_EQ(LiveFrames(feed, {.loops = 5}).total(), 15U);
}

}  // namespace
}  // namespace knetlab
