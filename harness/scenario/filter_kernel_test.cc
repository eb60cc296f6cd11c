// SPDX-License-Identifier: Apache-2.0
// Compiled filters in the kernel, and the interpreter of eBPF that tests of filters trust, beside the kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/filter/reference.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/directed.h"
#include "harness/filter/testing/ebpf_interpreter.h"
#include "harness/filter/testing/packets.h"
#include "harness/filter/testing/random.h"
#include "harness/filter/testing/soak.h"
#include "harness/program/raw_program.h"
#include "harness/program/test_run.h"
#include "harness/scenario/filter_test_support.h"

namespace knetlab::filter_testing {
namespace {

// Straight-line arithmetic, conditions and swaps on random numbers, all of it folded into R0.
Code RandomArithmetic(Random& random) {
  static const std::vector<AluOp> kOps = {AluOp::kAdd, AluOp::kSub, AluOp::kMul,  AluOp::kDiv,
                                          AluOp::kOr,  AluOp::kAnd, AluOp::kLeft, AluOp::kRight,
                                          AluOp::kMod, AluOp::kXor, AluOp::kMov,  AluOp::kArithmeticRight};
  static const std::vector<Cond> kConditions = {
      Cond::kEqual,      Cond::kNotEqual,           Cond::kGreater,        Cond::kGreaterEqual,
      Cond::kLess,       Cond::kLessEqual,          Cond::kBits,           Cond::kSignedGreater,
      Cond::kSignedLess, Cond::kSignedGreaterEqual, Cond::kSignedLessEqual};
  const auto number = [&] {
    return static_cast<std::int32_t>(random.Chance(40) ? random.Below(70)
                                                       : random.Word() >> random.Below(32));
  };
  const auto any = [&] { return Reg{static_cast<std::uint8_t>(random.Below(6))}; };
  Assembler a;
  a.Mov(R6, R1);
  for (std::uint8_t i = 0; i < 6; ++i) a.Mov64(Reg{i}, random.Next() >> random.Below(64));
  for (int i = 0; i < 40; ++i) {
    const AluOp op = random.Of(kOps);
    const Width width = random.Chance(50) ? Width::k64 : Width::k32;
    const bool shift = op == AluOp::kLeft || op == AluOp::kRight || op == AluOp::kArithmeticRight;
    switch (random.Below(6)) {
      case 0:
        a.SwapBigEndian(any(), static_cast<int>(random.Of({16, 32, 64})));
        break;
      case 1:
        a.Negate(width, any());
        break;
      case 2: {
        const Label over = a.NewLabel();
        if (random.Chance(50)) {
          a.JumpIf(random.Of(kConditions), width, any(), any(), over);
        } else {
          a.JumpIf(random.Of(kConditions), width, any(), number(), over);
        }
        a.Alu(AluOp::kXor, Width::k64, any(), number());
        a.Bind(over);
        break;
      }
      case 3: {
        const auto slot = static_cast<std::int16_t>(-8 * static_cast<int>(1 + random.Below(4)));
        a.Store(Size::kDouble, R10, slot, any());
        const Size size = random.Chance(50) ? Size::kWord : random.Chance(50) ? Size::kHalf : Size::kByte;
        a.Load(size, any(), R10, slot);
        break;
      }
      case 4:
        a.Alu(op, width, any(), any());
        break;
      default: {
        std::int32_t value = number();
        if (shift) value &= width == Width::k64 ? 63 : 31;
        if ((op == AluOp::kDiv || op == AluOp::kMod) && value == 0) value = 3;  // the verifier refuses it
        a.Alu(op, width, any(), value);
      }
    }
  }
  for (std::uint8_t i = 1; i < 6; ++i) a.Alu(AluOp::kXor, Width::k64, R0, Reg{i});
  a.Mov(R1, R0);
  a.Alu(AluOp::kRight, Width::k64, R1, 32);
  a.Alu(AluOp::kXor, Width::k64, R0, R1);
  a.Exit();
  return a.Finish();
}

TEST(FilterKernel, TheEbpfInterpreterCalculatesAsTheKernelDoes) {
  Random random(77);
  const PacketBytes packet(64);
  for (int i = 0; i < 2000; ++i) {
    const Code code = RandomArithmetic(random);
    const RawProgram program = RawProgram::Load(
        {.name = "arithmetic", .type = BPF_PROG_TYPE_XDP, .instructions = code.instructions});
    const EbpfRun ours = RunEbpf(code.instructions, {.packet = packet});
    ASSERT_TRUE(ours.ok()) << ours.failure;
    ASSERT_EQ(ours.result, TestRun(program.program(), std::as_bytes(std::span(packet))).code) << i;
  }
}

TEST(FilterKernel, TheCorpusDecidesAsLibpcapDoes) {
  std::vector<PacketBytes> captured = ReadFolder(KNETLAB_CAPTURES, 1);
  // XDP without fragments takes no more than a page less its rooms.
  std::erase_if(captured, [](const PacketBytes& packet) { return packet.size() > 3000; });
  Random random(5);
  KernelCounts counts;
  for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
    const ClassicProgram program =
        CompileExpression(expression, {.optimise = random.Chance(50), .netmask = 0xffffff00U});
    if (ReadsAncillary(program)) continue;
    std::vector<PacketBytes> packets = captured;
    DirectedPackets directed = MakeDirected(program, {captured.front()}, {.seed = 2});
    for (PacketBytes& packet : directed.packets) {
      if (random.Chance(20)) packets.push_back(std::move(packet));
    }
    const std::optional<Difference> difference = CompareInKernel(program, packets, &counts);
    EXPECT_FALSE(difference) << expression << "\n" << difference->Text();
  }
  fmt::print("{} programs, {} verdicts, {} packets not tried\n", counts.programs, counts.verdicts,
             counts.untried);
  EXPECT_GT(counts.verdicts, 80'000U);
  EXPECT_LT(counts.untried, counts.verdicts / 20);  // longer than the hook's linear part
}

// What lies behind the linear part is read where the target promises it.
TEST(FilterKernel, BytesBeyondTheLinearPartAreRead) {
  const ClassicProgram program = ParseClassic("4,48 0 0 8000,21 0 1 119,6 0 0 1,6 0 0 0");
  PacketBytes packet(9000);
  for (const Compiled& compiled : CompileForAll(program)) {
    if (compiled.target != FilterTarget::kXdpFrags || compiled.embedded) continue;
    const KernelFilter filter(compiled);
    packet[8000] = 119;
    EXPECT_EQ(filter.Run(packet), static_cast<std::uint32_t>(kMatch));
    packet[8000] = 118;
    EXPECT_EQ(filter.Run(packet), static_cast<std::uint32_t>(kOtherwise));
  }
}

// What the verifier refused once.
TEST(FilterKernel, WhatWasRefusedVerifies) {
  for (const char* text :
       {"3,1 0 0 65534,72 0 0 0,6 0 0 1", "6,129 0 0 0,48 0 0 0,124 0 0 0,7 0 0 0,72 0 0 0,6 0 0 1"}) {
    const std::optional<Difference> difference = CompareInKernel(ParseClassic(text), {PacketBytes(64)});
    EXPECT_FALSE(difference) << difference->Text();
  }
}

TEST(FilterKernel, RandomProgramsVerifyAndDecideAsTheInterpreterDoes) {
  SoakOptions options{.seed = 11, .programs = 500};
  options.models = CorpusModels(KNETLAB_FILTERS);
  const SoakResult result =
      Soak(options, [](const ClassicProgram& program, const std::vector<PacketBytes>& packets) {
        return CompareInKernel(program, packets);
      });
  EXPECT_FALSE(result.difference) << "program " << result.number << "\n" << result.difference->Text();
  EXPECT_EQ(result.programs, options.programs);
}

}  // namespace
}  // namespace knetlab::filter_testing
