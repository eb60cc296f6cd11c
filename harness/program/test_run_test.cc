// SPDX-License-Identifier: Apache-2.0
#include "harness/program/test_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/program/run_stats.h"
#include "harness/program/test_support.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

TEST(TestRun, GivesVerdictAndTheUnchangedPacket) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {"drop_odd"}});
  for (const std::size_t length : {14U, 15U, 64U, 1513U, 1514U}) {
    const std::vector<std::byte> packet = Packet(length);
    const TestRunResult result = TestRun(object.program("drop_odd"), packet);
    EXPECT_EQ(result.error, 0);
    EXPECT_EQ(VerdictName(BPF_PROG_TYPE_XDP, result.code), length % 2 == 1 ? "XDP_DROP" : "XDP_PASS")
        << length;
    EXPECT_EQ(result.out, packet);
  }
}

TEST(TestRun, GivesThePacketThatAProgramMadeLonger) {
  const BpfObject object = BpfObject::Load(TestObject("test_growth"), {.programs = {"grow"}});
  const std::vector<std::byte> packet = Packet(100);
  const TestRunResult result = TestRun(object.program("grow"), packet);
  EXPECT_EQ(VerdictName(BPF_PROG_TYPE_XDP, result.code), "XDP_TX");
  ASSERT_EQ(result.out.size(), 132U);
  EXPECT_TRUE(std::equal(packet.begin(), packet.end(), result.out.begin() + 32));
}

TEST(TestRun, RunsTcAndSocketFilterPrograms) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {"shoot", "keep_64"}});
  EXPECT_EQ(VerdictName(BPF_PROG_TYPE_SCHED_CLS, TestRun(object.program("shoot"), Packet(60)).code),
            "TC_ACT_SHOT");
  EXPECT_EQ(TestRun(object.program("keep_64"), Packet(200)).code, 64U);
}

TEST(TestRun, ReportsAPacketThatTheKernelRefusesAndGoesOn) {
  const BpfObject object =
      BpfObject::Load(TestObject("test_kinds"), {.programs = {"drop_odd", "with_frags"}});
  EXPECT_NE(TestRun(object.program("drop_odd"), Packet(5)).error, 0);
  EXPECT_NE(TestRun(object.program("drop_odd"), Packet(1U << 17)).error, 0);
  EXPECT_NE(TestRun(object.program("drop_odd"), Packet(1U << 20)).error, 0);
  EXPECT_EQ(TestRun(object.program("drop_odd"), Packet(60)).error, 0);
  const TestRunResult large = TestRun(object.program("with_frags"), Packet(9000));
  EXPECT_EQ(large.error, 0);
  EXPECT_EQ(large.out, Packet(9000));
}

TEST(TestRun, ThrowsForAProgramTypeThatTheKernelCannotTry) {
  const BpfObject object = BpfObject::Load(
      TestObject("test_kinds"), {.programs = {"shoot"}, .types = {{"shoot", BPF_PROG_TYPE_LWT_SEG6LOCAL}}});
  const ErrorParts error = ErrorOf([&] { TestRun(object.program("shoot"), Packet(60)); });
  EXPECT_EQ(error.where, "program shoot (lwt_seg6local)");
}

TEST(TestRun, RepeatsAndGivesTheKernelsMeanDuration) {
  const BpfObject object = BpfObject::Load(TestObject("test_growth"), {.programs = {"slow"}});
  const RunStats stats;
  const RunCount before = RunStats::Read(object.program("slow"));
  const TestRunResult result = TestRun(object.program("slow"), Packet(60), 1000);
  const RunCount after = RunStats::Read(object.program("slow"));
  EXPECT_EQ(result.error, 0);
  EXPECT_GT(result.duration_ns, 50U);
  EXPECT_GE(after.runs - before.runs, 1000U);
  EXPECT_GT(after.time_ns, before.time_ns);
}

TEST(RunStats, CountOnlyWhileOneLives) {
  const BpfObject object = BpfObject::Load(TestObject("test_growth"), {.programs = {"slow"}});
  const RunStats stats;
  TestRun(object.program("slow"), Packet(60), 10);
  EXPECT_EQ(RunStats::Read(object.program("slow")).runs, 10U);
}

}  // namespace
}  // namespace knetlab
