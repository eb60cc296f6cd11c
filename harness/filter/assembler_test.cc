// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/assembler.h"

#include <gtest/gtest.h>

#include "harness/filter/disassembler.h"
#include "netns/error.h"

namespace knetlab {
namespace {

TEST(Assembler, JumpsForwardAndBack) {
  Assembler a;
  const Label start = a.NewLabel(), end = a.NewLabel();
  a.Bind(start);
  a.JumpIf(Cond::kEqual, R1, 7, end);
  a.Jump(start);
  a.Bind(end);
  a.Exit();
  const Code code = a.Finish();
  ASSERT_EQ(code.instructions.size(), 3U);
  EXPECT_EQ(code.instructions[0].off, 1);
  EXPECT_EQ(code.instructions[1].off, -2);
}

TEST(Assembler, WritesWhatTheKernelReads) {
  Assembler a;
  a.Load(Size::kHalf, R3, R1, 12);
  a.SwapBigEndian(R3, 16);
  a.Alu(AluOp::kAnd, Width::k32, R3, 0xff);
  a.Store(Size::kDouble, R10, -8, R3);
  a.AtomicAdd(Size::kDouble, R1, 0, R3);
  a.Call(BPF_FUNC_ktime_get_ns);
  a.Exit();
  EXPECT_EQ(Listing(a.Finish()),
            "   0: (69) r3 = *(u16 *)(r1 +12)\n"
            "   1: (dc) r3 = be16 r3\n"
            "   2: (54) w3 &= 255\n"
            "   3: (7b) *(u64 *)(r10 -8) = r3\n"
            "   4: (db) lock *(u64 *)(r1 +0) += r3\n"
            "   5: (85) call bpf_ktime_get_ns#5\n"
            "   6: (95) exit\n");
}

TEST(Assembler, BindsMapsByName) {
  Assembler a;
  a.MapAddress(R1, "ring");
  a.MapValueAddress(R2, "state", 8);
  a.Exit();
  Code code = a.Finish();
  code.BindMap("ring", 5);
  code.BindMap("state", 6);
  EXPECT_EQ(code.instructions[0].imm, 5);
  EXPECT_EQ(code.instructions[0].src_reg, BPF_PSEUDO_MAP_FD);
  EXPECT_EQ(code.instructions[2].imm, 6);
  EXPECT_EQ(code.instructions[2].src_reg, BPF_PSEUDO_MAP_VALUE);
  EXPECT_EQ(code.instructions[3].imm, 8);
}

TEST(Assembler, KnowsWhetherALabelIsJumpedTo) {
  Assembler a;
  const Label used = a.NewLabel(), unused = a.NewLabel();
  a.Jump(used);
  EXPECT_TRUE(a.IsTarget(used));
  EXPECT_FALSE(a.IsTarget(unused));
  a.Bind(used);
  a.Exit();
  EXPECT_EQ(a.Finish().instructions.size(), 2U);
}

TEST(Assembler, RefusesAJumpThatIsTooFar) {
  Assembler a;
  const Label end = a.NewLabel();
  a.Jump(end);
  for (int i = 0; i < 32768; ++i) a.Mov(R0, 0);
  a.Bind(end);
  a.Exit();
  try {
    a.Finish();
    FAIL() << "a jump over 32768 instructions was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().code, E2BIG);
    EXPECT_EQ(error.parts().where, "instruction 0 of 32770");
  }
}

TEST(Assembler, RefusesALabelThatIsNowhere) {
  Assembler a;
  a.Jump(a.NewLabel());
  EXPECT_THROW(a.Finish(), Error);
}

TEST(Assembler, HasNoOppositeOfATestOfBits) {
  EXPECT_EQ(Opposite(Cond::kGreater), Cond::kLessEqual);
  EXPECT_THROW(Opposite(Cond::kBits), Error);
}

}  // namespace
}  // namespace knetlab
