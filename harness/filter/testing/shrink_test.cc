// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/shrink.h"

#include <gtest/gtest.h>

#include "harness/filter/testing/random_classic.h"

namespace knetlab::filter_testing {
namespace {

bool Multiplies(const ClassicProgram& program) {
  for (const sock_filter& one : program) {
    if (one.code == (BPF_ALU | BPF_MUL | BPF_X)) return true;
  }
  return false;
}

TEST(Shrink, LeavesWhatShowsTheDifference) {
  Random random(5);
  Case found;
  do {
    found = {RandomClassic(random), PacketBytes(300, 0x55)};
  } while (found.program.size() < 100 || !Multiplies(found.program));
  // What shows needs a multiplication and a byte of the packet.
  const Case small = Shrink(found, [](const Case& one) {
    return Multiplies(one.program) && one.packet.size() > 40 && one.packet[40] == 0x55;
  });
  EXPECT_EQ(FormatClassic(small.program, ClassicFormat::kXtBpf), "2,44 0 0 0,6 0 0 0");
  PacketBytes expected(41);
  expected[40] = 0x55;
  EXPECT_EQ(small.packet, expected);
}

TEST(Shrink, JumpsOverWhatGoesKeepTheirTargets) {
  // Whether the packet's first byte is 7, with things of no use between.
  const ClassicProgram program = ParseClassic("6,48 0 0 0,21 2 0 7,4 0 0 1,4 0 0 1,21 0 0 9,22 0 0 0");
  const PacketBytes packet(14, 7);
  const auto shows = [](const Case& one) { return ClassicMatches(one.program, one.packet); };
  ASSERT_TRUE(shows({program, packet}));
  const Case small = Shrink({program, packet}, shows);
  EXPECT_TRUE(shows(small));
  EXPECT_LE(small.program.size(), 2U);
}

}  // namespace
}  // namespace knetlab::filter_testing
