// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace knetlab {
namespace {

ScenarioResult Result(ScenarioOutcome outcome) {
  ScenarioResult result;
  result.name = "drop-dns";
  result.file = "smoke/drop-dns.yaml";
  result.rig = "wire";
  result.outcome = outcome;
  result.duration_s = 0.018;
  result.result.ledger.sent = 133;
  result.result.ledger.Add(Fate::kDropped, "server:eth0 xdp", "XDP_DROP", 120);
  result.result.ledger.Add(Fate::kDelivered, "server:socket 10.0.0.2:53", "", 13);
  result.result.ledger.Close();
  return result;
}

TEST(ScenarioLine, OfOneThatPassedHasFatesTimeAndCost) {
  ScenarioResult result = Result(ScenarioOutcome::kPass);
  result.result.cost = {{.program = "filter", .value = 41.4}};
  EXPECT_EQ(ScenarioLine(result, {.name_width = 12}),
            "  pass   drop-dns          133 packets   120 dropped, 13 delivered                      18 ms   "
            "41 ns\n");
}

TEST(ScenarioLine, ShowsTheLatencyOfTheSlowestPlaceWithoutTheLabsOwn) {
  ScenarioResult result = Result(ScenarioOutcome::kPass);
  result.result.cost = {{.program = "filter", .value = 41.4}};
  result.result.latency = {{.place = "server:eth0 xdp filter", .p99_ns = 3'100},
                           {.place = "server:socket 10.0.0.2:53", .p99_ns = 12'200},
                           {.place = "rig floor socket", .p99_ns = 99'000}};
  EXPECT_THAT(ScenarioLine(result, {}), testing::EndsWith(" 18 ms    p99 12 us   41 ns\n"));
}

TEST(ScenarioLine, SeveralProgramsHaveTheirNamesBesideTheirCosts) {
  ScenarioResult result = Result(ScenarioOutcome::kPass);
  result.result.cost = {{.program = "a", .value = 41.4}, {.program = "b", .value = 12}};
  EXPECT_THAT(ScenarioLine(result, {}), testing::EndsWith("a 41 ns, b 12 ns\n"));
}

TEST(ScenarioLine, OfOneThatFailedIsFollowedByTheLineToLookAt) {
  ScenarioResult result = Result(ScenarioOutcome::kFail);
  result.reason = "expected 12, found 9";
  result.result.checks = {
      {.expect = "ledger.drop", .pass = true, .message = "", .mark = {}},
      {.expect = "ledger.lost", .pass = false, .message = "expected 12, found 9", .mark = {"a.yaml", 31, 7}}};
  EXPECT_EQ(ScenarioLine(result, {.name_width = 8}),
            "  FAIL   drop-dns      133 packets   expected 12, found 9                           18 ms\n"
            "         a.yaml:31:7  ledger.lost\n");
}

TEST(ScenarioLine, WhatIsTooLongForTheLineStandsBelowIt) {
  const std::string message = "expected 12 lost at server:eth0 ring, found 9: 9 at server:eth0 ring";
  ScenarioResult result = Result(ScenarioOutcome::kFail);
  result.reason = message;
  result.result.checks = {
      {.expect = "ledger.lost", .pass = false, .message = message, .mark = {"a.yaml", 31, 7}}};
  EXPECT_EQ(ScenarioLine(result, {.name_width = 8}),
            "  FAIL   drop-dns      133 packets   120 dropped, 13 delivered                      18 ms\n"
            "         a.yaml:31:7  ledger.lost\n"
            "           expected 12 lost at server:eth0 ring, found 9: 9 at server:eth0 ring\n");
}

TEST(ScenarioLine, OfOneThatWasSkippedHasTheReason) {
  ScenarioResult result = Result(ScenarioOutcome::kSkip);
  result.reason = "needs tcx (Linux 6.6)";
  EXPECT_EQ(ScenarioLine(result, {.name_width = 8}), "  skip   drop-dns  needs tcx (Linux 6.6)\n");
}

TEST(ScenarioLine, OfAnErrorHasItsPlaceAndAllOfItsText) {
  ScenarioResult result = Result(ScenarioOutcome::kError);
  result.reason = "load program: refused\n0: exit";
  result.mark = {"a.yaml", 2, 7};
  EXPECT_EQ(ScenarioLine(result, {.name_width = 8}),
            "  ERROR  drop-dns  load program: refused\n"
            "         a.yaml:2:7\n"
            "         0: exit\n");
}

TEST(ScenarioLine, NumbersRepetitionsFromTheSecondOn) {
  ScenarioResult result = Result(ScenarioOutcome::kPass);
  result.repetition = 2;
  EXPECT_THAT(ScenarioLine(result, {}), testing::HasSubstr("drop-dns #2 "));
}

TEST(ScenarioLine, PacketsThatAreMissingAreTold) {
  ScenarioResult result = Result(ScenarioOutcome::kPass);
  result.result.ledger.missing = {"3 last seen at server:eth0"};
  EXPECT_THAT(ScenarioLine(result, {}), testing::HasSubstr("missing: 3 last seen at server:eth0\n"));
}

TEST(RunSummary, CountsOnlyOutcomesThatThereAre) {
  RunReport report;
  report.scenarios = {Result(ScenarioOutcome::kPass), Result(ScenarioOutcome::kPass)};
  report.duration_s = 3.14;
  EXPECT_EQ(RunSummary(report, false), "2 passed in 3.1 s\n");
  report.scenarios.push_back(Result(ScenarioOutcome::kFail));
  report.scenarios.push_back(Result(ScenarioOutcome::kSkip));
  report.scenarios.push_back(Result(ScenarioOutcome::kError));
  EXPECT_EQ(RunSummary(report, false), "2 passed, 1 failed, 1 error, 1 skipped in 3.1 s\n");
}

}  // namespace
}  // namespace knetlab
