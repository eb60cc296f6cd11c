// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/measured_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/scenario/output_check.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;
using Op = NumberCheck::Op;

Scenario Expecting(ExpectStep expect) {
  Scenario scenario;
  scenario.steps.push_back({.what = std::move(expect), .mark = {}});
  return scenario;
}

CheckResult OneLatency(const std::string& place, const std::string& metric, double below) {
  RigResult result;
  result.latency = {{.place = "server:eth0 xdp filter",
                     .count = 100,
                     .p50_ns = 12'000,
                     .p90_ns = 20'000,
                     .p99_ns = 312'000,
                     .p999_ns = 400'000,
                     .max_ns = 1'250'000},
                    {.place = "rig floor", .count = 0}};
  ExpectStep expect;
  expect.latency = {{place, metric, {Op::kLess, below, {"s.yaml", 9, 1}}}};
  return CheckMeasured(Expecting(expect), result).at(0);
}

TEST(MeasuredChecks, LatencyIsComparedAtAPlaceOrAtAProgram) {
  EXPECT_TRUE(OneLatency("server:eth0 xdp filter", "p99", 312'001).pass);
  EXPECT_TRUE(OneLatency("filter", "p50", 13'000).pass);
  const CheckResult slow = OneLatency("filter", "p99", 200'000);
  EXPECT_FALSE(slow.pass);
  EXPECT_EQ(slow.expect, "latency.filter.p99");
  EXPECT_EQ(slow.mark.line, 9);
  EXPECT_EQ(slow.message,
            "expected p99 < 200 us at server:eth0 xdp filter, found 312 us over 100 packets: p50 12 us, p99 "
            "312 us, "
            "max 1.25 ms");
}

TEST(MeasuredChecks, WhatWasNotMeasuredFails) {
  EXPECT_EQ(OneLatency("server:eth0 xdp fliter", "p99", 1e9).message,
            "no latency of server:eth0 xdp fliter; did you mean server:eth0 xdp filter?");
  EXPECT_FALSE(OneLatency("rig floor", "p99", 1e9).pass);
}

TEST(MeasuredChecks, CostIsComparedByProgramAndUnit) {
  RigResult result;
  result.cost = {{.program = "drop", .value = 41.5, .runs = 1000},
                 {.program = "drop", .kind = "instructions", .value = 120, .unit = "instructions/packet"}};
  ExpectStep expect;
  expect.cost = {{"drop", "ns_per_packet", {Op::kLess, 60, {}}},
                 {"drop", "ns_per_packet", {Op::kLess, 41, {}}},
                 {"drop", "instructions_per_packet", {Op::kEqual, 120, {}}},
                 {"tap", "ns_per_packet", {Op::kLess, 60, {}}}};
  const auto results = CheckMeasured(Expecting(expect), result);
  ASSERT_EQ(results.size(), 4u);
  EXPECT_TRUE(results[0].pass);
  EXPECT_EQ(results[1].message, "expected < 41 ns/packet, found 41.5 over 1000 runs");
  EXPECT_TRUE(results[2].pass);
  EXPECT_THAT(results[3].message, HasSubstr("no cost of tap.ns_per_packet"));
}

class Output : public ::testing::Test {
 protected:
  bool Holds(OutputCheck::Kind kind, const std::string& text, const std::string& printed) {
    const auto results = CheckCommand(Step(OutputCheck::Stream::kStdout, kind, text),
                                      {.status = 0, .standard_output = printed, .standard_error = "x"}, {});
    message_ = results.at(1).message;
    return results.at(1).pass;
  }
  static ExecStep Step(OutputCheck::Stream stream, OutputCheck::Kind kind, const std::string& text) {
    return {.ns = "a", .argv = {"cmd"}, .status = 0, .output = {{stream, kind, text, {"s.yaml", 2, 2}}}};
  }
  std::string message_;
};

TEST_F(Output, IsFoundInsideComparedAsAWholeOrMatched) {
  using Kind = OutputCheck::Kind;
  EXPECT_TRUE(Holds(Kind::kContains, "b\nc", "ab\ncd\n"));
  EXPECT_FALSE(Holds(Kind::kContains, "x", "ab\ncd\n"));
  EXPECT_EQ(message_, "expected output with \"x\", found\n  ab\n  cd");
  EXPECT_TRUE(Holds(Kind::kEquals, "ab", "ab\n"));
  EXPECT_FALSE(Holds(Kind::kEquals, "ab", "ab\n\n"));
  EXPECT_TRUE(Holds(Kind::kMatches, "(?m)^c.$", "ab\ncd\n"));
  EXPECT_FALSE(Holds(Kind::kMatches, "^c", ""));
  EXPECT_EQ(message_, "expected a match of \"^c\", found nothing");
}

TEST_F(Output, OfEachStreamIsKeptApart) {
  const auto results =
      CheckCommand(Step(OutputCheck::Stream::kStderr, OutputCheck::Kind::kEquals, "oops"),
                   {.status = 3, .standard_output = "fine", .standard_error = "oops\n"}, {"s.yaml", 1, 1});
  EXPECT_EQ(results[0].message, "cmd exited with 3, expected 0; it printed\n  oops\n  fine");
  EXPECT_TRUE(results[1].pass);
  EXPECT_EQ(results[1].expect, "exec.stderr.equals");
}

TEST_F(Output, CannotDriveTheTerminal) {
  EXPECT_FALSE(Holds(OutputCheck::Kind::kEquals, "a", "\x1b[31mred"));
  EXPECT_EQ(message_, "expected exactly \"a\", found\n  \\x1b[31mred");
}

// Expressions come from files of anyone: none may take more than its share of time or memory.
TEST_F(Output, HostileExpressionsAreRefusedOrFast) {
  EXPECT_NE(RegexMistake("(a"), "");
  EXPECT_NE(RegexMistake("((a{1,500}){1,500}){1,500}"), "");
  EXPECT_EQ(RegexMistake("(a*)*b"), "");
  EXPECT_FALSE(Holds(OutputCheck::Kind::kMatches, "(a*)*b", std::string(65'536, 'a')));
}

}  // namespace
}  // namespace knetlab
