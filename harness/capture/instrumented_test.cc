// SPDX-License-Identifier: Apache-2.0
// Programs that know nothing of captures.
#include "harness/capture/instrumented.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <algorithm>

#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/program/instrument_options.h"
#include "harness/program/test_run.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using testing::Bytes;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadWithLibpcap;
using testing::ReadWithTshark;
using ::testing::SizeIs;
using testing::TempDir;

BpfObject Load(const std::string& name) {
  return BpfObject::Load(std::string(KNETLAB_OBJECTS "/") + name + ".bpf.o",
                         {.instrument = InstrumentOptions{}});
}

std::vector<PointCounts> Carry(const Program& program, const InstrumentedOptions& options,
                               const std::string& path, const std::vector<Bytes>& packets) {
  CaptureSession session({.output = path});
  for (const CapturePoint& point : InstrumentedPoints("test", program, options)) session.Add(point);
  session.Start();
  for (const Bytes& packet : packets) TestRun(program, packet);
  std::vector<PointCounts> points = session.Stop().points;
  std::erase_if(points, [](const PointCounts& point) { return point.received == 0; });
  return points;
}

// bpf/parity drops packets of odd length.
TEST(Instrumented, XdpProgramsShowEveryVerdict) {
  const BpfObject object = Load("parity");
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  const std::vector<Bytes> packets = {Bytes(60), Bytes(61), Bytes(62), Bytes(1400), Bytes(1401)};
  const std::vector<PointCounts> points = Carry(object.program("xdp_parity"), {}, path, packets);
  ASSERT_THAT(points, SizeIs(2));
  for (const PointCounts& point : points) EXPECT_EQ(point.written, point.verdict == "XDP_DROP" ? 2U : 3U);
  EXPECT_THAT(ReadWithTshark(path, {"frame.len", "frame.comment", "frame.verdict.ebpf_xdp"}),
              ElementsAre("60\tXDP_PASS\t2", "61\tXDP_DROP\t1", "62\tXDP_PASS\t2", "1400\tXDP_PASS\t2",
                          "1401\tXDP_DROP\t1"));
}

TEST(Instrumented, OnlyTheVerdictsAskedForAreCaptured) {
  const BpfObject object = Load("parity");
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  Carry(object.program("xdp_parity"), {.verdicts = {"drop"}}, path, {Bytes(60), Bytes(61)});
  EXPECT_THAT(ReadWithTshark(path, {"frame.comment"}), ElementsAre("XDP_DROP"));
  EXPECT_THROW(InstrumentedPoints("test", object.program("xdp_parity"), {.verdicts = {"shot"}}), Error);
}

// bpf/reflect sends packets back, with their addresses exchanged.
TEST(Instrumented, ARewrittenPacketShowsBothAsItCameAndAsItLeft) {
  const BpfObject object = Load("reflect");
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  const Bytes packet = testing::Ipv4Frame(17, "0a000001", "0a000002", testing::Udp(1000, 53, 18));
  const Program& program = object.programs().front();
  Carry(program, {.entry = true}, path, {packet});
  EXPECT_THAT(ReadWithTshark(path, {"frame.comment", "eth.src"}),
              ElementsAre("before\t02:00:00:00:00:01", "XDP_TX\t02:00:00:00:00:02"));
  EXPECT_EQ(ReadWithLibpcap(path).at(0).bytes, packet);
}

TEST(Instrumented, TcProgramsShowTheirActions) {
  const BpfObject object = Load("tc_drop");
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  const Program& program = object.programs().front();
  std::vector<Bytes> packets;
  for (const std::uint16_t port : {53, 80, 443})
    packets.push_back(testing::Ipv4Frame(17, "0a000001", "0a000002", testing::Udp(1000, port, 18)));
  const std::vector<PointCounts> points = Carry(program, {}, path, packets);
  std::uint64_t written = 0;
  for (const PointCounts& point : points) written += point.written;
  EXPECT_EQ(written, 3U);
  EXPECT_THAT(ReadWithTshark(path, {"frame.comment"}), Each(HasSubstr("TC_ACT_")));
  const auto read = ReadWithLibpcap(path);
  ASSERT_THAT(read, SizeIs(3));
  EXPECT_EQ(read[2].bytes, packets[2]);
}

TEST(Instrumented, APlainProgramIsRefusedWithTheReason) {
  const BpfObject object = BpfObject::Load(KNETLAB_OBJECTS "/parity.bpf.o", {});
  try {
    InstrumentedPoints("test", object.program("xdp_parity"), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("could not be instrumented"));
  }
}

}  // namespace
}  // namespace knetlab
