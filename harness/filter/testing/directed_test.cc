// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/directed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/packets.h"
#include "harness/filter/testing/random_classic.h"
#include "harness/filter/testing/reach.h"
#include "harness/filter/testing/trace.h"

namespace knetlab::filter_testing {
namespace {

ClassicProgram Compiled(const std::string& expression, bool optimise = true) {
  return CompileExpression(expression, {.optimise = optimise, .netmask = 0xffffff00U});
}

TEST(Trace, EndsAsTheInterpreterDoes) {
  Random random(9);
  for (int i = 0; i < 5'000; ++i) {
    const ClassicProgram program = RandomClassic(random);
    const PacketBytes packet = RandomPacket(program, random);
    const ClassicRun run = RunClassic(program, {packet, static_cast<std::uint32_t>(packet.size()), nullptr});
    const Trace trace = TraceClassic(program, packet, kClassicSteps);
    ASSERT_EQ(trace.run.result, run.result) << FormatClassic(program, ClassicFormat::kXtBpf);
    ASSERT_EQ(trace.run.end, run.end);
  }
}

TEST(Trace, IsSolvedBackwardsThroughMasksShiftsAndSums) {
  // ((ldh[4] & 0xff0) >> 4) * 3 + 5 - 0x10 ^ 0x55
  const ClassicProgram program =
      ParseClassic("7,40 0 0 4,84 0 0 4080,116 0 0 4,36 0 0 3,4 0 0 5,164 0 0 85,22 0 0 0");
  const PacketBytes packet(14, 0x11);
  const Trace trace = TraceClassic(program, packet, 100);
  const auto last = static_cast<std::int32_t>(trace.values.size() - 1);
  PacketBytes changed = packet;
  const std::uint32_t wanted = (0x7bU * 3 + 5) ^ 0x55U;
  ASSERT_TRUE(Solve(trace, last, wanted, changed));
  EXPECT_EQ(TraceClassic(program, changed, 100).run.result, wanted);
  EXPECT_EQ(changed[4], 0x17);
  EXPECT_EQ(changed[5], 0xb1);
  EXPECT_FALSE(Solve(trace, last, 0x80000000U, changed));
}

TEST(Directed, FindsMatchesThatNoCaptureHas) {
  for (const char* expression :
       {"tcp[((tcp[12] & 0xF0) >> 4 ) * 4] = 0x18 and ip[2:2] - 4 * (ip[0] & 0x0F) > 69",
        "vlan 100 && vlan 200 and ip6 src 10::1", "ip6 protochain 6", "len = 128",
        "ip6 and ((ip6[(40 + 14):2] % 200) == 0) and (ip6[(40 + 26):1] == 1)"}) {
    const ClassicProgram program = Compiled(expression);
    const DirectedPackets made = MakeDirected(program, {}, {.seed = 3});
    EXPECT_TRUE(std::any_of(made.packets.begin(), made.packets.end(), [&](const PacketBytes& packet) {
      return ClassicMatches(program, packet);
    })) << expression;
    EXPECT_EQ(made.coverage.taken(), made.coverage.branches()) << expression;
  }
}

TEST(Directed, HasPacketsAtBothSidesOfEachEdge) {
  const ClassicProgram program = Compiled("udp dst port 53");
  const DirectedPackets made = MakeDirected(program, {}, {.seed = 3, .shortest = 0});
  const auto has = [&](std::size_t length) {
    return std::any_of(made.packets.begin(), made.packets.end(),
                       [&](const PacketBytes& packet) { return packet.size() == length; });
  };
  for (const std::size_t length : {13, 14, 20, 21, 23, 24, 57, 58}) EXPECT_TRUE(has(length)) << length;
}

// Ways that no packet goes and that FindReach() proves nothing of, for the loop: a header type that was asked
// for before.
std::size_t ImpossibleWays(const std::string& expression) {
  return expression == "ip protochain 51" || expression == "ip6 protochain 51" ? 1 : 0;
}

std::string Missing(const ClassicProgram& program, const Coverage& possible, const Coverage& taken) {
  std::string text;
  for (std::size_t at = 0; at < program.size(); ++at) {
    for (const Coverage::Way way : {Coverage::kYes, Coverage::kNo}) {
      if (taken.IsBranch(at) && possible.Has(at, way) && !taken.Has(at, way))
        text += fmt::format(" {} {}", at, way == Coverage::kYes ? "yes" : "no");
    }
  }
  return text;
}

class DirectedCorpus : public testing::TestWithParam<bool> {};

TEST_P(DirectedCorpus, TakesEveryBranchThatCanBeTaken) {
  const std::vector<PacketBytes> captured = ReadFolder(KNETLAB_CAPTURES, 2);
  std::size_t taken = 0, branches = 0, impossible = 0, missed = 0;
  for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
    const ClassicProgram program = Compiled(expression, GetParam());
    const Reach reach = FindReach(program);
    const DirectedPackets made =
        MakeDirected(program, {captured.front(), captured.back()}, {.seed = 3, .possible = &reach.possible});
    const std::size_t possible = reach.possible.taken() - ImpossibleWays(expression);
    if (GetParam()) {
      EXPECT_EQ(made.coverage.taken(), possible)
          << expression << ":" << Missing(program, reach.possible, made.coverage);
    }
    missed += possible - made.coverage.taken();
    taken += made.coverage.taken();
    branches += made.coverage.branches();
    impossible += made.coverage.branches() - possible;
  }
  fmt::print("{} ways, {} of them impossible, {} taken, {} missed\n", branches, impossible, taken, missed);
  // Unoptimised programs compare the same bytes many times, and one and the same byte as two different
  // fields.
  EXPECT_LE(missed, GetParam() ? 0U : 2U);
}
INSTANTIATE_TEST_SUITE_P(Libpcap, DirectedCorpus, testing::Bool(),
                         [](const auto& which) { return which.param ? "optimised" : "unoptimised"; });

}  // namespace
}  // namespace knetlab::filter_testing
