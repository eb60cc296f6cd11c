// SPDX-License-Identifier: Apache-2.0
#include "harness/program/verdict.h"

#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <string>

#include "netns/error.h"

namespace knetlab {
namespace {

struct Case {
  bpf_prog_type type;
  std::int64_t code;
  std::string name;
  Decision decision;
};

class Verdicts : public testing::TestWithParam<Case> {};

TEST_P(Verdicts, HaveTheKernelsNameAndMeaning) {
  EXPECT_EQ(VerdictName(GetParam().type, GetParam().code), GetParam().name);
  EXPECT_EQ(VerdictDecision(GetParam().type, GetParam().code), GetParam().decision);
}

INSTANTIATE_TEST_SUITE_P(
    All, Verdicts,
    testing::Values(Case{BPF_PROG_TYPE_XDP, 0, "XDP_ABORTED", Decision::kDrop},
                    Case{BPF_PROG_TYPE_XDP, 1, "XDP_DROP", Decision::kDrop},
                    Case{BPF_PROG_TYPE_XDP, 2, "XDP_PASS", Decision::kPass},
                    Case{BPF_PROG_TYPE_XDP, 3, "XDP_TX", Decision::kTransmit},
                    Case{BPF_PROG_TYPE_XDP, 4, "XDP_REDIRECT", Decision::kRedirect},
                    Case{BPF_PROG_TYPE_XDP, 99, "99", Decision::kDrop},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 0, "TC_ACT_OK", Decision::kPass},
                    Case{BPF_PROG_TYPE_SCHED_CLS, -1, "TC_ACT_UNSPEC", Decision::kPass},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 0xffffffff, "TC_ACT_UNSPEC", Decision::kPass},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 2, "TC_ACT_SHOT", Decision::kDrop},
                    Case{BPF_PROG_TYPE_SCHED_ACT, 4, "TC_ACT_STOLEN", Decision::kStolen},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 7, "TC_ACT_REDIRECT", Decision::kRedirect},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 8, "TC_ACT_TRAP", Decision::kStolen},
                    Case{BPF_PROG_TYPE_SCHED_CLS, 1000, "1000", Decision::kPass},
                    Case{BPF_PROG_TYPE_SOCKET_FILTER, 0, "SOCKET_DROP", Decision::kDrop},
                    Case{BPF_PROG_TYPE_SOCKET_FILTER, 65535, "SOCKET_PASS", Decision::kPass},
                    Case{BPF_PROG_TYPE_SK_LOOKUP, 0, "SK_DROP", Decision::kDrop},
                    Case{BPF_PROG_TYPE_SK_SKB, 1, "SK_PASS", Decision::kPass}));

TEST(ProgramTypeNames, AreThoseOfBpftoolAndTheNumberWhereUnknown) {
  EXPECT_EQ(ProgramTypeName(BPF_PROG_TYPE_XDP), "xdp");
  EXPECT_EQ(ProgramTypeName(BPF_PROG_TYPE_SCHED_CLS), "sched_cls");
  EXPECT_EQ(ProgramTypeName(BPF_PROG_TYPE_SOCKET_FILTER), "socket_filter");
}

TEST(Verdict, IsFoundByItsName) {
  for (const char* name : {"XDP_DROP", "xdp_drop", "drop", "DROP"})
    EXPECT_EQ(VerdictByName(BPF_PROG_TYPE_XDP, name), XDP_DROP) << name;
  EXPECT_EQ(VerdictByName(BPF_PROG_TYPE_SCHED_CLS, "drop"), TC_ACT_SHOT);
  EXPECT_EQ(VerdictByName(BPF_PROG_TYPE_SCHED_CLS, "pass"), TC_ACT_OK);
  EXPECT_EQ(VerdictByName(BPF_PROG_TYPE_SCHED_CLS, "TC_ACT_UNSPEC"), -1);
  try {
    VerdictByName(BPF_PROG_TYPE_XDP, "dropp");
    ADD_FAILURE() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().hint, "did you mean drop?");
  }
}

}  // namespace
}  // namespace knetlab
