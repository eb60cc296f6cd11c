// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/classic_interpreter.h"

#include <gtest/gtest.h>

#include "harness/filter/reference.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/packets.h"
#include "harness/filter/testing/random_classic.h"

namespace knetlab::filter_testing {
namespace {

using End = ClassicRun::End;

PacketBytes Counting(std::size_t size) {
  PacketBytes packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::uint8_t>(i);
  return packet;
}

std::uint32_t ResultOf(std::string_view text, std::size_t size = 20) {
  const PacketBytes packet = Counting(size);
  return RunClassic(ParseClassic(text), {packet, static_cast<std::uint32_t>(size), nullptr}).result;
}

std::uint32_t Libpcap(const ClassicProgram& program, const PacketBytes& packet, std::uint32_t wire_length) {
  return RunReference(program, std::as_bytes(std::span(packet)), wire_length);
}

TEST(ClassicInterpreter, LoadsAreBigEndianAndEndAtThePacketsEnd) {
  EXPECT_EQ(ResultOf("2,32 0 0 16,22 0 0 0"), 0x10111213U);
  EXPECT_EQ(ResultOf("2,32 0 0 17,22 0 0 0"), 0U);
  EXPECT_EQ(ResultOf("2,40 0 0 18,22 0 0 0"), 0x1213U);
  EXPECT_EQ(ResultOf("2,48 0 0 19,22 0 0 0"), 0x13U);
  EXPECT_EQ(ResultOf("2,48 0 0 20,6 0 0 1"), 0U);
}

TEST(ClassicInterpreter, AnIndexThatWrapsIsNoMatch) {
  // X = 8; ldb [x - 4]: byte 4 for the kernel, nothing for libpcap.
  EXPECT_EQ(ResultOf("3,1 0 0 8,80 0 0 4294967292,6 0 0 1"), 0U);
  EXPECT_EQ(ResultOf("3,1 0 0 4294967292,80 0 0 8,6 0 0 1"), 0U);
  EXPECT_EQ(ResultOf("3,1 0 0 8,80 0 0 4,22 0 0 0"), 12U);
}

TEST(ClassicInterpreter, ShiftsBy32AndMoreGiveZero) {
  EXPECT_EQ(ResultOf("5,0 0 0 1,1 0 0 31,108 0 0 0,4 0 0 1,22 0 0 0"), 0x80000001U);
  EXPECT_EQ(ResultOf("5,0 0 0 1,1 0 0 32,108 0 0 0,4 0 0 1,22 0 0 0"), 1U);
  EXPECT_EQ(ResultOf("5,0 0 0 255,1 0 0 4294967295,124 0 0 0,4 0 0 1,22 0 0 0"), 1U);
}

TEST(ClassicInterpreter, DivisionByZeroIsNoMatch) {
  EXPECT_EQ(ResultOf("3,0 0 0 7,60 0 0 0,6 0 0 1"), 0U);
  EXPECT_EQ(ResultOf("3,0 0 0 7,156 0 0 0,6 0 0 1"), 0U);
}

TEST(ClassicInterpreter, MemoryBeginsAsZero) {
  EXPECT_EQ(ResultOf("3,96 0 0 15,4 0 0 5,22 0 0 0"), 5U);
}

TEST(ClassicInterpreter, ALoopWithoutEndMeetsTheLimit) {
  const ClassicProgram loop = ParseClassic("2,5 0 0 4294967295,6 0 0 1");
  const PacketBytes packet(14);
  EXPECT_EQ(RunClassic(loop, {packet, 14, nullptr}, nullptr, 1000).end, End::kSteps);
}

TEST(ClassicInterpreter, AncillaryLoadsHaveWhatTheCallerSays) {
  const ClassicProgram program = ParseClassic("2,32 0 0 4294963208,22 0 0 0");  // SKF_AD_OFF + SKF_AD_IFINDEX
  const PacketBytes packet(14);
  const Ancillary known = {{0xfffff008U, 7}};
  const Ancillary nothing;
  EXPECT_EQ(RunClassic(program, {packet, 14, &known}).result, 7U);
  EXPECT_EQ(RunClassic(program, {packet, 14, &nothing}).end, End::kBeyond);
  EXPECT_EQ(RunClassic(program, {packet, 14, nullptr}).end, End::kBeyond);
}

TEST(ClassicInterpreter, CoverageCountsBothWaysOfWhatBranches) {
  // The second jump has one target.
  const ClassicProgram program = ParseClassic("5,48 0 0 0,21 0 1 0,21 0 0 1,6 0 0 0,6 0 0 1");
  Coverage coverage(program);
  const PacketBytes packet(14);
  EXPECT_EQ(coverage.branches(), 2U);
  RunClassic(program, {packet, 14, nullptr}, &coverage);
  EXPECT_EQ(coverage.taken(), 1U);
  EXPECT_TRUE(coverage.Has(0, Coverage::kInside));
  EXPECT_TRUE(coverage.Has(1, Coverage::kYes));
}

// Also the returned number, not whether it is 0 alone.
TEST(ClassicInterpreter, IsLibpcapsOnRandomPrograms) {
  Random random(20);
  std::size_t returned = 0;
  for (int i = 0; i < 40'000; ++i) {
    const ClassicProgram program = RandomClassic(random, {.initialised_memory = true});
    for (int j = 0; j < 3; ++j) {
      const PacketBytes packet = RandomPacket(program, random);
      const auto wire =
          static_cast<std::uint32_t>(packet.size() + (random.Chance(50) ? random.Below(3000) : 0));
      const ClassicRun run = RunClassic(program, {packet, wire, nullptr});
      ASSERT_EQ(run.result, Libpcap(program, packet, wire))
          << FormatClassic(program, ClassicFormat::kXtBpf) << "\n"
          << Hex(packet);
      returned += run.end == End::kReturned ? 1 : 0;
    }
  }
  EXPECT_GT(returned, 40'000U);  // else it shows little
}

TEST(ClassicInterpreter, IsLibpcapsOnTheCorpus) {
  const std::vector<PacketBytes> packets = ReadFolder(KNETLAB_CAPTURES, 20);
  ASSERT_GT(packets.size(), 300U);
  for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
    for (const bool optimise : {true, false}) {
      const ClassicProgram program =
          CompileExpression(expression, {.optimise = optimise, .netmask = 0xffffff00U});
      for (const PacketBytes& packet : packets) {
        const auto wire = static_cast<std::uint32_t>(packet.size());
        ASSERT_EQ(RunClassic(program, {packet, wire, nullptr}).result, Libpcap(program, packet, wire))
            << expression << "\n"
            << Hex(packet);
      }
    }
  }
}

}  // namespace
}  // namespace knetlab::filter_testing
