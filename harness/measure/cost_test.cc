// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "harness/program/object.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using testing::Each;
using testing::Gt;
using testing::IsEmpty;
using testing::SizeIs;

BpfObject Load(const std::string& program) {
  LoadOptions options;
  options.programs = {program};
  return BpfObject::Load(KNETLAB_OBJECTS "/account_test.bpf.o", options);
}

const std::vector<std::byte> kFrame(61), kTooShort(4);

TEST(QuietOf, IsTheValueThatAFifthLieBelow) {
  EXPECT_EQ(QuietOf({7}), 7);
  EXPECT_EQ(QuietOf({9, 1}), 1);
  EXPECT_EQ(QuietOf({100, 11, 90, 10, 80, 9, 70, 60, 50, 40, 30}), 11);
}

TEST(MedianOf, IsTheMiddleOneWhateverTheOrder) {
  EXPECT_EQ(MedianOf({3}), 3);
  EXPECT_EQ(MedianOf({9, 1, 5}), 5);
  EXPECT_EQ(MedianOf({4, 3, 2, 1}), 3);
}

TEST(UnitCost, HasAsManySamplesAsAskedAndTheirMedian) {
  const BpfObject object = Load("drop_odd");
  const UnitCost cost = MeasureUnitCost(object.program("drop_odd"), {{kFrame, 1}},
                                        {.samples = 4, .slices = 3, .enough = std::chrono::hours{1}});
  EXPECT_THAT(cost.samples, SizeIs(4));
  EXPECT_THAT(cost.samples, Each(Gt(0)));
  EXPECT_GE(cost.repeat, 3u * 16u);
  EXPECT_EQ(cost.ns_per_packet(), MedianOf(cost.samples));
  EXPECT_LE(cost.low(), cost.ns_per_packet());
  EXPECT_GE(cost.high(), cost.ns_per_packet());
}

TEST(UnitCost, HasOneSampleWhereThereIsNoTime) {
  const BpfObject object = Load("drop_odd");
  const UnitCost cost =
      MeasureUnitCost(object.program("drop_odd"), {{kFrame, 1}}, {.enough = std::chrono::milliseconds{0}});
  EXPECT_THAT(cost.samples, SizeIs(1));
}

TEST(UnitCost, LeavesOutPacketsThatTheKernelRefuses) {
  const BpfObject object = Load("drop_odd");
  const Program& program = object.program("drop_odd");
  EXPECT_THAT(MeasureUnitCost(program, {{kTooShort, 5}, {kFrame, 1}}, {.samples = 1}).samples, Each(Gt(0)));
  EXPECT_THAT(MeasureUnitCost(program, {{kTooShort, 1}}).samples, IsEmpty());
}

TEST(UnitCost, LeavesTheThreadOnTheCpusThatItHad) {
  cpu_set_t before, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  const BpfObject object = Load("drop_odd");
  MeasureUnitCost(object.program("drop_odd"), {{kFrame, 1}}, {.samples = 1});
  ASSERT_EQ(::sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace knetlab
