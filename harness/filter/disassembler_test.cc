// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/disassembler.h"

#include <gtest/gtest.h>

namespace knetlab {
namespace {

// As Linux 6.18's verifier logs and bpftool print them.
TEST(Disassembler, SpeaksTheKernelsWords) {
  Assembler a;
  const Label end = a.NewLabel();
  a.Load(Size::kWord, R2, R1, 4);
  a.Load(Size::kHalf, R3, R2, -2);
  a.Load(Size::kByte, R3, R2, 0);
  a.Load(Size::kDouble, R3, R10, -8);
  a.Store(Size::kWord, R10, -4, R3);
  a.StoreValue(Size::kDouble, R10, -16, -1);
  a.AtomicAdd(Size::kDouble, R1, 8, R2);
  a.Mov(R0, -5);
  a.Mov32(R0, R4);
  a.Alu(AluOp::kArithmeticRight, Width::k64, R0, 3);
  a.Alu(AluOp::kMod, Width::k32, R0, R1);
  a.Negate(Width::k32, R5);
  a.SwapBigEndian(R5, 16);
  a.Mov64(R7, 0x123456789abcdef0);
  a.MapAddress(R8, "counts");
  a.MapValueAddress(R8, "flags", 12);
  a.JumpIf(Cond::kGreater, R1, R2, end);
  a.JumpIf(Cond::kBits, Width::k32, R1, -1, end);
  a.JumpIf(Cond::kSignedLessEqual, R9, 7, end);
  a.Call(BPF_FUNC_xdp_load_bytes);
  a.Jump(end);
  a.Bind(end);
  a.Exit();
  EXPECT_EQ(Listing(a.Finish()),
            "   0: (61) r2 = *(u32 *)(r1 +4)\n"
            "   1: (69) r3 = *(u16 *)(r2 -2)\n"
            "   2: (71) r3 = *(u8 *)(r2 +0)\n"
            "   3: (79) r3 = *(u64 *)(r10 -8)\n"
            "   4: (63) *(u32 *)(r10 -4) = r3\n"
            "   5: (7a) *(u64 *)(r10 -16) = -1\n"
            "   6: (db) lock *(u64 *)(r1 +8) += r2\n"
            "   7: (b7) r0 = -5\n"
            "   8: (bc) w0 = w4\n"
            "   9: (c7) r0 s>>= 3\n"
            "  10: (9c) w0 %= w1\n"
            "  11: (84) w5 = -w5\n"
            "  12: (dc) r5 = be16 r5\n"
            "  13: (18) r7 = 0x123456789abcdef0\n"
            "  15: (18) r8 = map[counts]\n"
            "  17: (18) r8 = map[flags][0]+12\n"
            "  19: (2d) if r1 > r2 goto pc+4\n"
            "  20: (46) if w1 & 0xffffffff goto pc+3\n"
            "  21: (d5) if r9 s<= 0x7 goto pc+2\n"
            "  22: (85) call bpf_xdp_load_bytes#189\n"
            "  23: (05) goto pc+0\n"
            "  24: (95) exit\n");
}

TEST(Disassembler, ShowsWhatItDoesNotKnowAsItsCode) {
  EXPECT_EQ(Disassemble({.code = 0xff, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}), "(ff) unknown");
  EXPECT_EQ(Disassemble({.code = 0x18, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}), "(18) unknown");
}

}  // namespace
}  // namespace knetlab
