// SPDX-License-Identifier: Apache-2.0
#include "harness/program/verifier_log.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "harness/program/libbpf_log.h"

namespace knetlab {
namespace {

TEST(VerifierReason, IsTheLastLinesThatAreNoTrace) {
  EXPECT_EQ(VerifierReason("0: R1=ctx() R10=fp0\n"
                           "; return *(int *)(long)c->data; @ p.c:3\n"
                           "1: (61) r0 = *(u32 *)(r1 +0)\n"
                           "R1 invalid mem access 'scalar'\n"
                           "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"),
            "R1 invalid mem access 'scalar'");
  EXPECT_EQ(VerifierReason("BPF program is too large. Processed 1000001 insn\n"
                           "verification time 900000 usec\nstack depth 8\nprocessed 1000001 insns\n\n"),
            "BPF program is too large. Processed 1000001 insn");
}

TEST(VerifierReason, JoinsTheLinesOfOneReason) {
  EXPECT_EQ(VerifierReason("1: (61) r0 = *(u32 *)(r1 +0)\n"
                           "invalid access to packet, off=0 size=4\n"
                           "R1 offset is outside of the packet\n"
                           "processed 2 insns (limit 1000000)\n"),
            "invalid access to packet, off=0 size=4; R1 offset is outside of the packet");
}

TEST(VerifierReason, FallsBackToTheLastLine) {
  EXPECT_EQ(VerifierReason("0: (95) exit\n1: (95) exit\n"), "1: (95) exit");
  EXPECT_EQ(VerifierReason(""), "");
  EXPECT_EQ(VerifierReason("\n\n"), "");
}

TEST(LastLines, KeepsTheEndAndAllOfAShortText) {
  EXPECT_EQ(LastLines("a\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(LastLines("a\nb\nc", 3), "a\nb\nc");
  EXPECT_EQ(LastLines("a\nb\nc", 30), "a\nb\nc");
  EXPECT_EQ(LastLines("", 3), "");
}

TEST(VerifierLogBuffer, GivesPrintableText) {
  const VerifierLogBuffer buffer;
  EXPECT_EQ(buffer.Text(), "");
  std::snprintf(buffer.data(), buffer.size(), "%s", "; \x1b[31mred\n\tok \xc3\xa9");
  EXPECT_EQ(buffer.Text(), "; ?[31mred\n\tok ??");
}

TEST(LibbpfLog, CollectsOnTheInnermostScope) {
  LibbpfLog outer;
  {
    LibbpfLog inner;
    inner.Append("libbpf: prog 'x': failed to load: -22\n");
    inner.Append("libbpf: Kernel error message: no room\n");
    EXPECT_EQ(inner.lines().size(), 2U);
    EXPECT_EQ(inner.KernelMessage(), "no room");
    EXPECT_EQ(inner.Reason(), "Kernel error message: no room");
  }
  EXPECT_TRUE(outer.lines().empty());
}

}  // namespace
}  // namespace knetlab
