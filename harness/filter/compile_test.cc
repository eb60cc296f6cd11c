// SPDX-License-Identifier: Apache-2.0
// What the compiler makes, seen from outside: that it decides as libpcap does is shown for thousands of
// programs by the tests in testing/; here is what they cannot see.
#include "harness/filter/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "harness/filter/disassembler.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;

constexpr FilterOptions kXdp{.target = FilterTarget::kXdp, .match = XDP_DROP, .otherwise = XDP_PASS};

std::size_t Count(const Code& code, std::uint8_t operation) {
  return static_cast<std::size_t>(
      std::count_if(code.instructions.begin(), code.instructions.end(),
                    [operation](const bpf_insn& one) { return one.code == operation; }));
}

constexpr std::uint8_t kCompareRegisters = BPF_JMP | BPF_JGT | BPF_X;
constexpr std::uint8_t kSwap = BPF_ALU | BPF_END | BPF_TO_BE;

TEST(CompileFilter, IsAsShortAsByHand) {
  const Code code = CompileFilter(CompileExpression("ip proto 6"), kXdp);
  EXPECT_EQ(Listing(code),
            "   0: (61) r2 = *(u32 *)(r1 +4)\n"
            "   1: (61) r1 = *(u32 *)(r1 +0)\n"
            "   2: (b7) r0 = 2\n"
            "   3: (07) r1 += 24\n"
            "   4: (2d) if r1 > r2 goto pc+5\n"
            "   5: (69) r3 = *(u16 *)(r1 -12)\n"
            "   6: (55) if r3 != 0x8 goto pc+3\n"
            "   7: (71) r3 = *(u8 *)(r1 -1)\n"
            "   8: (55) if r3 != 0x6 goto pc+1\n"
            "   9: (b7) r0 = 1\n"
            "  10: (95) exit\n");
}

TEST(CompileFilter, ComparesTheLengthOnceForWhatEveryWayNeeds) {
  EXPECT_EQ(Count(CompileFilter(CompileExpression("ip src host 10.0.0.1 and ip proto 17"), kXdp),
                  kCompareRegisters),
            1U);
}

TEST(CompileFilter, DoesNotAskForBytesThatOneWayToAMatchDoesWithout) {
  // An ARP packet matches with 14 bytes, TCP needs 24.
  EXPECT_EQ(Count(CompileFilter(CompileExpression("arp or ip proto 6"), kXdp), kCompareRegisters), 2U);
}

TEST(CompileFilter, SwapsConstantsNotLoads) {
  EXPECT_EQ(Count(CompileFilter(CompileExpression("tcp dst port 80 and net 10.0.0.0/8"), kXdp), kSwap), 0U);
  // A comparison by size needs the number itself.
  EXPECT_EQ(Count(CompileFilter(CompileExpression("ip[2:2] > 576"), kXdp), kSwap), 1U);
}

TEST(CompileFilter, ReadsTheRestOfAPacketByHelpersWhereThereIsOne) {
  const auto listing = [](FilterTarget target) {
    return Listing(
        CompileFilter(CompileExpression("tcp port 80"), {.target = target, .match = 1, .otherwise = 0}));
  };
  EXPECT_THAT(listing(FilterTarget::kXdp), Not(HasSubstr("call")));
  EXPECT_THAT(listing(FilterTarget::kXdpFrags), HasSubstr("bpf_xdp_load_bytes"));
  EXPECT_THAT(listing(FilterTarget::kTc), HasSubstr("bpf_skb_load_bytes"));
  // Socket filters may not even ask where the data begin.
  EXPECT_THAT(listing(FilterTarget::kSocket),
              AllOf(HasSubstr("bpf_skb_load_bytes"), Not(HasSubstr("(r6 +76)"))));
}

TEST(CompileFilter, KnowsThatAFilterAlwaysOrNeverMatches) {
  const Code always = CompileFilter(ParseClassic("1,6 0 0 1"), kXdp),
             never = CompileFilter(ParseClassic("1,6 0 0 0"), kXdp);
  EXPECT_LE(always.instructions.size(), 3U) << Listing(always);
  EXPECT_LE(never.instructions.size(), 3U) << Listing(never);
  // Nothing is longer than an offset of 4 GB.
  EXPECT_LE(CompileFilter(ParseClassic("3,48 0 0 4026531840,6 0 0 1,6 0 0 1"), kXdp).instructions.size(), 3U);
}

TEST(CompileFilter, SaysWhatAHookDoesNotHave) {
  try {
    CompileFilter(CompileExpression("inbound"), kXdp);
    FAIL() << "XDP read the packet type";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("packet type"));
    EXPECT_THAT(error.parts().hint, HasSubstr("tc"));
  }
  EXPECT_NO_THROW(
      CompileFilter(CompileExpression("inbound"), {.target = FilterTarget::kTc, .match = 1, .otherwise = 0}));
  EXPECT_NO_THROW(CompileFilter(CompileExpression("ifindex 3"), kXdp));
}

TEST(CompileFilter, SpillsWhatNoRegisterIsLeftFor) {
  // All sixteen words of memory hold different bytes until the end.
  std::string text;
  int count = 0;
  const auto add = [&](int code, int k) {
    text += "," + std::to_string(code) + " 0 0 " + std::to_string(k);
    ++count;
  };
  for (int word = 0; word < BPF_MEMWORDS; ++word) {
    add(BPF_LD | BPF_B | BPF_ABS, 14 + word);
    add(BPF_ST, word);
  }
  for (int word = 0; word < BPF_MEMWORDS; ++word) {
    add(BPF_LDX | BPF_MEM, word);
    add(BPF_ALU | BPF_ADD | BPF_X, 0);
    add(BPF_ALU | BPF_MUL | BPF_K, 3);
  }
  add(BPF_RET | BPF_A, 0);
  const Code code = CompileFilter(ParseClassic(std::to_string(count) + text), kXdp);
  EXPECT_THAT(Listing(code), HasSubstr("*(u64 *)(r10 -8) = "));
}

TEST(CompileFilter, CountsJumpsBack) {
  const Code code = CompileFilter(CompileExpression("ip6 protochain 17"), kXdp);
  EXPECT_TRUE(std::any_of(code.instructions.begin(), code.instructions.end(),
                          [](const bpf_insn& one) { return BPF_CLASS(one.code) == BPF_JMP && one.off < 0; }));
}

TEST(CompileFilter, RefusesWhatIsNoProgram) {
  EXPECT_THROW(CompileFilter({}, kXdp), Error);
  EXPECT_THROW(CompileFilter({{BPF_LD | BPF_IMM, 0, 0, 1}}, kXdp), Error);
}

TEST(EmbedFilter, LeavesTheCallersRegistersAndStackAlone) {
  for (const FilterTarget target :
       {FilterTarget::kXdp, FilterTarget::kXdpFrags, FilterTarget::kTc, FilterTarget::kSocket}) {
    Assembler a;
    const Label match = a.NewLabel(), otherwise = a.NewLabel();
    EmbedFilter(a, CompileExpression("tcp port 80 and ip[2:2] > 576"),
                {.target = target,
                 .context = R7,
                 .stack = 64,
                 .free = 1 << 9,
                 .match = match,
                 .otherwise = otherwise});
    a.Bind(match);
    a.Bind(otherwise);
    a.Exit();
    for (const bpf_insn& one : a.Finish().instructions) {
      const std::uint8_t kind = BPF_CLASS(one.code);
      const bool writes = kind == BPF_ALU || kind == BPF_ALU64 || kind == BPF_LDX || kind == BPF_LD;
      if (writes) {
        EXPECT_TRUE(one.dst_reg <= 5 || one.dst_reg == 9) << int{one.dst_reg};
      }
      if (kind == BPF_STX || kind == BPF_ST) {
        EXPECT_LT(one.off, -64);
      }
    }
  }
}

}  // namespace
}  // namespace knetlab
