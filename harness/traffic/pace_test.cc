// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <limits>
#include <thread>

#include "harness/traffic/pace_schedule.h"
#include "harness/traffic/punctual.h"
#include "harness/traffic/stoppable_wait.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kHourNs = 3600ULL * 1'000'000'000;

std::vector<Packet> PacketsAt(std::initializer_list<std::uint64_t> times) {
  std::vector<Packet> packets;
  for (const std::uint64_t time : times) packets.push_back({.bytes = {}, .time_ns = time});
  return packets;
}

std::vector<std::uint64_t> Offsets(const char* pace, const std::vector<Packet>& packets,
                                   std::uint64_t loops = 1) {
  const PaceSchedule schedule(Pace::Parse(pace), packets);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t i = 0; i < packets.size() * loops; ++i) offsets.push_back(schedule.OffsetNs(i));
  return offsets;
}

using Nanoseconds = std::vector<std::uint64_t>;

TEST(PaceParse, TakesEveryForm) {
  EXPECT_EQ(Pace::Parse("max").kind, Pace::Kind::kMax);
  EXPECT_EQ(Pace::Parse("original").kind, Pace::Kind::kOriginal);
  EXPECT_EQ(Pace::Parse("x2.5").kind, Pace::Kind::kMultiplier);
  EXPECT_EQ(Pace::Parse("x2.5").value, 2.5);
  EXPECT_EQ(Pace::Parse("1000pps").kind, Pace::Kind::kPps);
  EXPECT_EQ(Pace::Parse("1000pps").value, 1000);
  EXPECT_EQ(Pace::Parse("0.5").kind, Pace::Kind::kPps);
  EXPECT_EQ(Pace::Parse("0.5").value, 0.5);
  EXPECT_EQ(Pace::Parse("10.5mbps").kind, Pace::Kind::kMbps);
  EXPECT_EQ(Pace::Parse("10.5mbps").value, 10.5);
}

TEST(PaceParse, RefusesAllElse) {
  for (const char* text : {"", "fast", "x", "x0", "x-1", "0pps", "-5", "pps", "10 pps", "mbps", "10gbps",
                           "inf", "nan", "x1e999"}) {
    EXPECT_THROW(Pace::Parse(text), Error) << text;
  }
}

TEST(PaceSchedule, OriginalKeepsTheGapsOfTheCapture) {
  EXPECT_EQ(Offsets("original", PacketsAt({5000, 5100, 5100, 9000})), (Nanoseconds{0, 100, 100, 4000}));
}

TEST(PaceSchedule, MultiplierDividesTheGaps) {
  EXPECT_EQ(Offsets("x2", PacketsAt({5000, 5100, 9000})), (Nanoseconds{0, 50, 2000}));
  EXPECT_EQ(Offsets("x0.5", PacketsAt({5000, 5100, 9000})), (Nanoseconds{0, 200, 8000}));
}

TEST(PaceSchedule, MbpsSpacesPacketsByTheirLengths) {
  std::vector<Packet> packets = PacketsAt({0, 0, 0});
  packets[0].bytes.resize(100);
  packets[1].bytes.resize(1000);
  packets[2].bytes.resize(50);
  EXPECT_EQ(Offsets("8mbps", packets, 2),
            (Nanoseconds{0, 100'000, 1'100'000, 1'150'000, 1'250'000, 2'250'000}));
}

TEST(PaceSchedule, ATimeThatGoesBackIsNoGap) {
  EXPECT_EQ(Offsets("original", PacketsAt({5000, 4000, 4300})), (Nanoseconds{0, 0, 300}));
}

TEST(PaceSchedule, AGapAboveAnHourIsNoGap) {
  EXPECT_EQ(Offsets("original", PacketsAt({0, kHourNs, 2 * kHourNs + 1})),
            (Nanoseconds{0, kHourNs, kHourNs}));
  EXPECT_EQ(Offsets("original", PacketsAt({0, std::numeric_limits<std::uint64_t>::max(), 7})),
            (Nanoseconds{0, 0, 0}));
}

TEST(PaceSchedule, LoopsFollowEachOther) {
  EXPECT_EQ(Offsets("original", PacketsAt({10, 30, 110}), 3),
            (Nanoseconds{0, 20, 100, 100, 120, 200, 200, 220, 300}));
}

TEST(PaceSchedule, PpsSpacesEvenlyAndDoesNotDrift) {
  EXPECT_EQ(Offsets("1000", PacketsAt({9, 1, 5})), (Nanoseconds{0, 1'000'000, 2'000'000}));
  const PaceSchedule thirds(Pace::Parse("3"), PacketsAt({0}));
  EXPECT_EQ(thirds.OffsetNs(3'000'000), 1'000'000'000'000'000U);
}

TEST(PaceSchedule, WhatIsBeyondTheClockIsNever) {
  const PaceSchedule slow(Pace::Parse("x1e-300"), PacketsAt({0, 1000}));
  EXPECT_EQ(slow.OffsetNs(1), std::uint64_t{std::numeric_limits<std::int64_t>::max()});
}

TEST(PaceSchedule, MaxIsImmediate) {
  EXPECT_TRUE(PaceSchedule(Pace::Parse("max"), PacketsAt({0})).immediate());
  EXPECT_FALSE(PaceSchedule(Pace::Parse("original"), PacketsAt({0})).immediate());
}

// The kernel's pauses for others lie at the end of each second of real-time priority.
TEST(RealTimeAfterNsTest, TheEndIsInTheMiddleOfASecond) {
  EXPECT_EQ(RealTimeAfterNs(0.5e9), 0U);
  EXPECT_EQ(RealTimeAfterNs(2e9), 500'000'000U);
  EXPECT_EQ(RealTimeAfterNs(10.3e9), 800'000'000U);
}

TEST(StoppableWaitTest, WaitsUntilTheTimeAndNotLess) {
  const StoppableWait wait{std::stop_token{}};
  for (const std::uint64_t delay : {0, 50'000, 15'000'000}) {
    const std::uint64_t deadline = MonotonicNs() + delay;
    EXPECT_TRUE(wait.Until(deadline));
    EXPECT_GE(MonotonicNs(), deadline);
  }
}

TEST(StoppableWaitTest, AStopEndsALongWait) {
  std::stop_source stop;
  const StoppableWait wait(stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(wait.Until(MonotonicNs() + kHourNs));
  EXPECT_FALSE(wait.Until(0)) << "stopped is stopped";
}

TEST(StoppableWaitTest, NeverIsSafeToWaitFor) {
  std::stop_source stop;
  const StoppableWait wait(stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(wait.Until(std::numeric_limits<std::uint64_t>::max()));
}

TEST(StoppableWaitTest, AStopEndsTheWaitForRoomInASocket) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const UniqueFd sender(ends[0]);
  const UniqueFd receiver(ends[1]);
  std::stop_source stop;
  const StoppableWait wait(stop.get_token());
  EXPECT_TRUE(wait.Writable(sender.get()));
  const std::vector<char> datagram(4096);
  while (::send(sender.get(), datagram.data(), datagram.size(), 0) >= 0) continue;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(wait.Writable(sender.get()));
}

}  // namespace
}  // namespace knetlab
