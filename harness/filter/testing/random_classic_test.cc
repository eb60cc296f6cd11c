// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/random_classic.h"

#include <gtest/gtest.h>

#include <set>

#include "harness/filter/testing/corpus.h"

namespace knetlab::filter_testing {
namespace {

TEST(RandomClassic, IsAlwaysValidAndHasEverything) {
  Random random(1);
  std::set<std::uint16_t> codes;
  std::set<std::uint32_t> words;
  std::size_t longest_jump = 0, longest_always = 0, one_target = 0, huge_offsets = 0, negative_offsets = 0;
  for (int i = 0; i < 20'000; ++i) {
    const ClassicProgram program = RandomClassic(random);
    ASSERT_NO_THROW(ValidateClassic(program)) << FormatClassic(program, ClassicFormat::kXtBpf);
    for (const sock_filter& one : program) {
      codes.insert(one.code);
      if (one.code == BPF_ST || one.code == BPF_STX) words.insert(one.k);
      if (BPF_CLASS(one.code) == BPF_LD && BPF_MODE(one.code) == BPF_IND) {
        huge_offsets += one.k >= 0xffff ? 1 : 0;
        negative_offsets += one.k >= 0x80000000U ? 1 : 0;
      }
      ASSERT_FALSE(IsAncillaryLoad(one));
      if (BPF_CLASS(one.code) != BPF_JMP) continue;
      if (BPF_OP(one.code) == BPF_JA) {
        longest_always = std::max<std::size_t>(longest_always, one.k);
      } else {
        longest_jump = std::max<std::size_t>({longest_jump, one.jt, one.jf});
        one_target += one.jt == one.jf ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(codes.size(), ClassicOpcodes().size());
  EXPECT_EQ(words.size(), 16U);
  EXPECT_EQ(longest_jump, 255U);
  EXPECT_GT(longest_always, 255U);
  EXPECT_GT(one_target, 1000U);
  EXPECT_GT(huge_offsets, 100U);
  EXPECT_GT(negative_offsets, 100U);
}

TEST(RandomClassic, IsTheSameForASeed) {
  Random first(7);
  Random second(7);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(FormatClassic(RandomClassic(first), ClassicFormat::kXtBpf),
              FormatClassic(RandomClassic(second), ClassicFormat::kXtBpf));
  }
}

TEST(RandomClassic, AncillaryLoadsComeOnRequest) {
  Random random(1);
  std::set<std::uint32_t> offsets;
  for (int i = 0; i < 3'000; ++i) {
    for (const sock_filter& one : RandomClassic(random, {.ancillary = true})) {
      if (IsAncillaryLoad(one)) offsets.insert(one.k);
    }
  }
  EXPECT_EQ(offsets.size(), 16U);
}

TEST(RandomClassic, MutantsAreValidAndDifferent) {
  Random random(1);
  for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
    const ClassicProgram program = CompileExpression(expression, {.netmask = 0xffffff00U});
    const ClassicProgram mutant = Mutate(program, random);
    ASSERT_NO_THROW(ValidateClassic(mutant));
  }
}

TEST(RandomPacket, HasThePromisedLengths) {
  Random random(3);
  std::size_t shortest = 10'000, longest = 0;
  for (int i = 0; i < 5'000; ++i) {
    const PacketBytes packet = RandomPacket(RandomClassic(random), random);
    shortest = std::min(shortest, packet.size());
    longest = std::max(longest, packet.size());
  }
  EXPECT_EQ(shortest, 14U);
  EXPECT_LE(longest, 2000U);
  EXPECT_GT(longest, 1900U);
}

}  // namespace
}  // namespace knetlab::filter_testing
