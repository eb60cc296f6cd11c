// SPDX-License-Identifier: Apache-2.0
// Captures of a program with a hook, in the kernel: what is in the file, and what the counts say.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <thread>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/hook_map.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/program/test_run.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Hooked;
using testing::PacketFor;
using testing::ReadPacket;
using testing::ReadWithLibpcap;
using testing::ReadWithTshark;
using ::testing::SizeIs;
using testing::TempDir;

constexpr std::chrono::seconds kPatience{20};

std::map<std::string, PointCounts> ByVerdict(const std::vector<PointCounts>& points) {
  std::map<std::string, PointCounts> counts;
  for (const PointCounts& point : points) counts[point.verdict] = point;
  return counts;
}

void ExpectBalanced(const std::vector<PointCounts>& points) {
  for (const PointCounts& point : points) {
    EXPECT_EQ(point.matched, point.written + point.lost) << point.verdict;
    EXPECT_LE(point.matched + point.left_out, point.received) << point.verdict;
  }
}

Bytes PacketOfLength(std::size_t size) {
  Bytes packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::byte>(i * 131 + size);
  packet[0] = std::byte{2};
  return packet;
}

// Fills a pipe but for so many bytes.
void LeaveRoom(const UniqueFd& reader, const UniqueFd& writer, std::size_t bytes) {
  ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  std::vector<std::byte> block(4096);
  while (::write(writer.get(), block.data(), block.size()) > 0) {
  }
  for (std::size_t done = 0; done < bytes; done += block.size())
    ASSERT_EQ(::read(reader.get(), block.data(), block.size()), static_cast<ssize_t>(block.size()));
}

// A capture of the hook of `hooked`, into a file of its own.
class HookCapture : public ::testing::TestWithParam<BufferKind> {
 protected:
  CaptureSession& Begin(SessionOptions options, const std::vector<std::string>& verdicts = {}) {
    if (options.output.empty()) options.output = path_;
    options.buffer_kind = GetParam();
    session_.emplace(options);
    hook_.emplace(HookMap::Open(hooked_.pin.path()));
    for (const CapturePoint& point : hook_->Points(verdicts)) session_->Add(point);
    session_->Start();
    return *session_;
  }
  void Send(std::uint8_t verdict, std::uint32_t times = 1, std::uint16_t port = 53) const {
    EXPECT_EQ(TestRun(hooked_.program(), PacketFor(verdict, port), times).code, verdict);
  }
  std::vector<std::uint32_t> SlotsInUse() const {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < 5; ++slot) {
      std::uint32_t id = 0;
      if (bpf_map_lookup_elem(hooked_.hook(), &slot, &id) == 0) slots.push_back(slot);
    }
    return slots;
  }

  const TempDir folder_;
  const std::string path_ = folder_.Path("out.pcapng");
  const Hooked hooked_;
  std::optional<HookMap> hook_;
  std::optional<CaptureSession> session_;
};

INSTANTIATE_TEST_SUITE_P(Through, HookCapture, ::testing::Values(BufferKind::kRing, BufferKind::kPerf),
                         [](const auto& kind) { return std::string(BufferKindName(kind.param)); });

TEST_P(HookCapture, EveryVerdictIsThereWithItsPacketsAndTheyKeepTheirVerdicts) {
  Begin({});
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  for (const std::uint8_t verdict : {0, 1, 2, 3, 4}) Send(verdict, verdict + 1U);
  const CaptureResult result = session_->Stop();
  EXPECT_EQ(result.end, CaptureEnd::kStopped);
  EXPECT_EQ(result.buffer_kind, GetParam());
  ExpectBalanced(result.points);
  const auto counts = ByVerdict(result.points);
  ASSERT_THAT(counts, SizeIs(5));
  EXPECT_EQ(counts.at("XDP_ABORTED").written, 1U);
  EXPECT_EQ(counts.at("XDP_REDIRECT").written, 5U);
  EXPECT_EQ(counts.at("XDP_REDIRECT").received, 5U);
  const std::vector<std::string> lines = ReadWithTshark(path_, {"frame.comment", "eth.dst", "frame.len"});
  ASSERT_THAT(lines, SizeIs(15));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "XDP_PASS\t02:00:00:00:00:02\t60"), 3);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "XDP_TX\t03:00:00:00:00:02\t60"), 4);
  const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
  ASSERT_THAT(packets, SizeIs(15));
  EXPECT_EQ(packets[0].bytes, PacketFor(0));
  EXPECT_NEAR(static_cast<double>(packets[0].time_ns), static_cast<double>(now), 5e9);
  EXPECT_TRUE(std::is_sorted(packets.begin(), packets.end(),
                             [](const ReadPacket& a, const ReadPacket& b) { return a.time_ns < b.time_ns; }));
  EXPECT_THAT(SlotsInUse(), SizeIs(0));
}

TEST_P(HookCapture, OnlyTheVerdictsAskedForHaveAProgram) {
  Begin({}, {"drop", "XDP_TX"});
  EXPECT_THAT(SlotsInUse(), ElementsAre(1, 3));
  for (const std::uint8_t verdict : {0, 1, 2, 3, 4}) Send(verdict);
  EXPECT_THAT(session_->Stop().points, SizeIs(2));
  EXPECT_THAT(ReadWithTshark(path_, {"frame.comment"}), ElementsAre("XDP_DROP", "XDP_TX"));
}

TEST_P(HookCapture, TheFilterDecidesAndBothCountsAreExact) {
  Begin({.filter = "udp dst port 53"});
  Send(2, 1000, 53);
  Send(2, 500, 54);
  const CaptureResult result = session_->Stop();
  ExpectBalanced(result.points);
  const PointCounts pass = ByVerdict(result.points).at("XDP_PASS");
  EXPECT_EQ(pass.received, 1500U);
  EXPECT_EQ(pass.matched, 1000U);
  EXPECT_EQ(pass.written, 1000U);
  EXPECT_THAT(ReadWithLibpcap(path_), SizeIs(1000));
}

TEST_P(HookCapture, ClassicInstructionsAreAFilterToo) {
  Begin({.filter = "4,40 0 0 36,21 0 1 53,6 0 0 65535,6 0 0 0"});
  Send(2, 3, 53);
  Send(2, 4, 54);
  EXPECT_EQ(ByVerdict(session_->Stop().points).at("XDP_PASS").matched, 3U);
}

TEST_P(HookCapture, ACountEndsItWithThatPacket) {
  Begin({.count = 1000});
  Send(1, 800);
  Send(2, 900);
  ASSERT_TRUE(session_->AwaitEnd(kPatience));
  const CaptureResult result = session_->Stop();
  EXPECT_EQ(result.end, CaptureEnd::kCount);
  ExpectBalanced(result.points);
  const auto counts = ByVerdict(result.points);
  EXPECT_EQ(counts.at("XDP_DROP").written + counts.at("XDP_PASS").written, 1000U);
  EXPECT_EQ(counts.at("XDP_DROP").lost + counts.at("XDP_PASS").lost, 0U);
  EXPECT_THAT(ReadWithLibpcap(path_), SizeIs(1000));
}

TEST_P(HookCapture, ADurationEndsItWithoutAnyPacket) {
  Begin({.duration = std::chrono::milliseconds(30)});
  ASSERT_TRUE(session_->AwaitEnd(kPatience));
  EXPECT_EQ(session_->Stop().end, CaptureEnd::kDuration);
  EXPECT_THAT(ReadWithLibpcap(path_), SizeIs(0));
}

TEST_P(HookCapture, SamplingTakesOneInNAndSaysWhatItLeftOut) {
  Begin({.sample = 10});
  // One thread on one CPU: the kernel does not move a run between CPUs.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ::sched_setaffinity(0, sizeof one, &one);
  Send(2, 1000);
  const CaptureResult result = session_->Stop();
  ExpectBalanced(result.points);
  const PointCounts pass = ByVerdict(result.points).at("XDP_PASS");
  EXPECT_EQ(pass.received, 1000U);
  EXPECT_EQ(pass.matched, 100U);
  EXPECT_EQ(pass.left_out, 900U);
  EXPECT_THAT(ReadWithLibpcap(path_), SizeIs(100));
}

TEST_P(HookCapture, ASnapLengthCutsPacketsAndKeepsTheirLength) {
  Begin({.snaplen = 33});
  Send(2);
  session_->Stop();
  const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
  ASSERT_THAT(packets, SizeIs(1));
  const Bytes whole = PacketFor(2);
  EXPECT_EQ(packets[0].bytes, Bytes(whole.begin(), whole.begin() + 33));
  EXPECT_EQ(packets[0].wire_length, 60U);
}

// Of every length the first and last byte, and all between them, also as kernels before 5.18 have to copy.
TEST_P(HookCapture, EveryLengthIsCapturedWhole) {
  for (const bool load_bytes : {true, false}) {
    Begin({.load_bytes = load_bytes});
    for (std::size_t size = 14; size <= 3000; size += size < 160 ? 1 : 71)
      EXPECT_EQ(TestRun(hooked_.program(), PacketOfLength(size)).code, 2U);
    ExpectBalanced(session_->Stop().points);
    session_.reset();
    hook_.reset();
    std::size_t size = 14;
    for (const ReadPacket& packet : ReadWithLibpcap(path_)) {
      EXPECT_EQ(packet.bytes, PacketOfLength(size)) << size << (load_bytes ? "" : " copied by the program");
      size += size < 160 ? 1 : 71;
    }
    EXPECT_GT(size, 3000U);
  }
}

TEST_P(HookCapture, APacketInSeveralBuffersIsCapturedWhole) {
  CaptureSession session({.output = path_, .buffer_kind = GetParam()});
  const HookMap hook = HookMap::Open(hooked_.pin_frags.path());
  for (const CapturePoint& point : hook.Points({})) {
    EXPECT_TRUE(point.kind.frags);
    session.Add(point);
  }
  session.Start();
  Bytes packet(20'000);
  for (std::size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<std::byte>(i * 31 >> 3);
  packet.back() = std::byte{1};
  const TestRunResult ran = TestRun(hooked_.frags(), packet);
  ASSERT_EQ(ran.error, 0);
  EXPECT_EQ(ran.code, 1U);
  ExpectBalanced(session.Stop().points);
  const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
  ASSERT_THAT(packets, SizeIs(1));
  EXPECT_EQ(packets[0].bytes, packet);
}

TEST_P(HookCapture, WhatIsBelowTheWatermarkIsNeitherHeldBackNorDiscarded) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  Begin({.output = "/proc/self/fd/" + std::to_string(writer.get())});
  std::vector<std::byte> bytes(65536);
  ASSERT_GT(::read(reader.get(), bytes.data(), bytes.size()), 0);  // the headers
  Send(1);
  pollfd readable{.fd = reader.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&readable, 1, std::chrono::milliseconds(kPatience).count()), 1)
      << "a live view shows nothing";
  Send(1);
  EXPECT_EQ(ByVerdict(session_->Stop().points).at("XDP_DROP").written, 2U);
}

TEST_P(HookCapture, WhatTheOutputDoesNotTakeIsLostAndCounted) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);  // nobody reads
  std::stop_source stop;
  CaptureSession session({.output = "/proc/self/fd/" + std::to_string(writer.get()),
                          .buffer = 1U << 18,
                          .buffer_kind = GetParam()});
  hook_.emplace(HookMap::Open(hooked_.pin.path()));
  for (const CapturePoint& point : hook_->Points({"pass"})) session.Add(point);
  session.Start(stop.get_token());
  LeaveRoom(reader, writer, std::size_t{128} << 10);
  Send(2, 200'000);
  stop.request_stop();
  ASSERT_TRUE(session.AwaitEnd(kPatience));
  const CaptureResult result = session.Stop();
  EXPECT_EQ(result.end, CaptureEnd::kOutput);
  EXPECT_EQ(result.output_error, ETIMEDOUT);
  ExpectBalanced(result.points);
  ASSERT_THAT(result.points, SizeIs(1));
  EXPECT_EQ(result.points[0].received, 200'000U);
  EXPECT_EQ(result.points[0].matched, 200'000U);
  EXPECT_GT(result.points[0].lost, 100'000U);
  EXPECT_GT(result.points[0].written, 500U);
  EXPECT_THAT(SlotsInUse(), SizeIs(0));
}

// Also while packets come. In the ring buffer the order is that of making room, which is a moment before the
// time.
TEST_P(HookCapture, PacketsOfSeveralCpusAreAllThereAndPerfBuffersGiveThemInTheOrderOfTime) {
  constexpr std::uint32_t kEach = 20'000;
  Begin({});
  std::vector<std::thread> senders;
  for (const std::uint8_t verdict : {1, 2}) {
    senders.emplace_back([&, verdict] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(verdict % std::max(1U, std::thread::hardware_concurrency()), &one);
      ::sched_setaffinity(0, sizeof one, &one);
      for (std::uint32_t i = 0; i < kEach / 100; ++i) Send(verdict, 100);
    });
  }
  for (std::thread& sender : senders) sender.join();
  const CaptureResult result = session_->Stop();
  ExpectBalanced(result.points);
  EXPECT_EQ(ByVerdict(result.points).at("XDP_DROP").written, kEach);
  EXPECT_EQ(ByVerdict(result.points).at("XDP_PASS").written, kEach);
  const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
  ASSERT_THAT(packets, SizeIs(2 * kEach));
  if (GetParam() == BufferKind::kRing) return;
  EXPECT_TRUE(std::is_sorted(packets.begin(), packets.end(),
                             [](const ReadPacket& a, const ReadPacket& b) { return a.time_ns < b.time_ns; }));
}

// A record of a perf buffer has a length of 16 bits.
TEST_P(HookCapture, APacketOfManyBuffersIsCutWhereItHasToBe) {
  CaptureSession session({.output = path_, .buffer_kind = GetParam()});
  const HookMap hook = HookMap::Open(hooked_.pin_frags.path());
  for (const CapturePoint& point : hook.Points({})) session.Add(point);
  session.Start();
  Bytes packet(65'400, std::byte{1});
  const TestRunResult ran = TestRun(hooked_.frags(), packet);
  if (ran.error != 0) GTEST_SKIP() << "needs frames of 65,400 bytes in BPF_PROG_TEST_RUN";
  ExpectBalanced(session.Stop().points);
  const std::vector<ReadPacket> packets = ReadWithLibpcap(path_);
  ASSERT_THAT(packets, SizeIs(1));
  EXPECT_EQ(packets[0].wire_length, packet.size());
  EXPECT_EQ(packets[0].bytes.size(), GetParam() == BufferKind::kRing ? packet.size() : kMostInPerfRecord);
}

TEST_P(HookCapture, ClassicPcapHoldsTheSamePackets) {
  Begin({.format = CaptureFormat::kPcap});
  Send(1, 3);
  session_->Stop();
  EXPECT_THAT(ReadWithLibpcap(path_), SizeIs(3));
  EXPECT_THAT(ReadWithTshark(path_, {"udp.dstport"}), ElementsAre("53", "53", "53"));
}

TEST_P(HookCapture, AFilterThatLibpcapRefusesChangesNothing) {
  EXPECT_THROW(Begin({.filter = "tcp port"}), Error);
  EXPECT_THAT(SlotsInUse(), SizeIs(0));
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
}

TEST_P(HookCapture, AnOutputThatCannotBeMadeLeavesNoProgramInTheHook) {
  EXPECT_THROW(Begin({.output = "/nonexistent/out.pcapng"}), Error);
  session_.reset();
  EXPECT_THAT(SlotsInUse(), SizeIs(0));
}

}  // namespace
}  // namespace knetlab
