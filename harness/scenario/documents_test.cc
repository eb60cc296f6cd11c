// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

Ledger SmallLedger() {
  Ledger ledger;
  ledger.sent = 3;
  ledger.Add(Fate::kDropped, "server:eth0 xdp drop", "XDP_DROP", 2);
  ledger.Add(Fate::kLost, "client:eth0 ring", "ring full", 1);
  ledger.AddBackground(Fate::kPassed, "server:arp_process", "", 4);
  ledger.Close();
  return ledger;
}

TriedPacket Tried(std::uint64_t index, const char* verdict) {
  TriedPacket packet;
  packet.result.index = index;
  packet.result.verdict = verdict;
  packet.length = 60;
  return packet;
}

TryResult SmallTry() {
  TryResult result;
  result.object = "filter.o";
  result.program = "filter";
  result.type = "xdp";
  result.rig = "wire";
  result.capture = "dns.pcap";
  result.environment.kernel = "6.18";
  TriedPacket dropped = Tried(1, "XDP_DROP");
  dropped.result.code = 1;
  dropped.result.fate = Fate::kDropped;
  dropped.result.out = std::vector<std::byte>(62);
  dropped.out_sha256 = "abcd";
  TriedPacket lost = Tried(2, kVerdictLost);
  lost.padded = true;
  lost.result.fate = Fate::kLost;
  lost.result.place = "client:eth0 ring";
  lost.result.reason = "ring full";
  result.packets = {dropped, lost};
  result.verdicts = {{"XDP_DROP", 2}, {kVerdictLost, 1}};
  result.ledger = SmallLedger();
  return result;
}

TEST(TryDocument, HasTheContractsFields) {
  const Json document = TryDocument(SmallTry());
  EXPECT_EQ(document.at("schema"), "knetlab.try/1");
  EXPECT_EQ(document.at("object"), "filter.o");
  EXPECT_EQ(document.at("program"), "filter");
  EXPECT_EQ(document.at("type"), "xdp");
  EXPECT_EQ(document.at("rig"), "wire");
  EXPECT_EQ(document.at("environment").at("kernel"), "6.18");
  EXPECT_EQ(document.at("verdicts").at("XDP_DROP"), 2);
}

TEST(TryDocument, APacketThatCameOutHasItsLengthAndHash) {
  const Json packet = TryDocument(SmallTry()).at("packets").at(0);
  EXPECT_EQ(packet.at("index"), 1);
  EXPECT_EQ(packet.at("length"), 60);
  EXPECT_EQ(packet.at("padded"), false);
  EXPECT_EQ(packet.at("verdict"), "XDP_DROP");
  EXPECT_EQ(packet.at("code"), 1);
  EXPECT_EQ(packet.at("out_length"), 62);
  EXPECT_EQ(packet.at("out_sha256"), "abcd");
  EXPECT_FALSE(packet.contains("place"));
}

TEST(TryDocument, ALostPacketHasNoCodeButAPlaceAndAReason) {
  const Json packet = TryDocument(SmallTry()).at("packets").at(1);
  EXPECT_TRUE(packet.at("code").is_null());
  EXPECT_EQ(packet.at("padded"), true);
  EXPECT_EQ(packet.at("place"), "client:eth0 ring");
  EXPECT_EQ(packet.at("reason"), "ring full");
  EXPECT_FALSE(packet.contains("out_length"));
  EXPECT_FALSE(packet.contains("out_sha256"));
}

TEST(TryDocument, CostIsNullWhereNothingWasMeasured) {
  TryResult result = SmallTry();
  EXPECT_TRUE(TryDocument(result).at("cost").is_null());
  result.cost = TryCost{.ns_per_packet = 41.5, .low = 40, .high = 43, .repeat = 10000, .samples = 5};
  const Json cost = TryDocument(result).at("cost");
  EXPECT_EQ(cost.at("ns_per_packet"), 41.5);
  EXPECT_EQ(cost.at("repeat"), 10000);
  EXPECT_EQ(cost.at("samples"), 5);
}

TEST(Ledgers, KeepBackgroundOutOfTheirEntriesAndSayWhetherTheyBalance) {
  TryResult result = SmallTry();
  Json ledger = TryDocument(result).at("ledger");
  EXPECT_EQ(ledger.at("sent"), 3);
  ASSERT_EQ(ledger.at("entries").size(), 2U);
  EXPECT_EQ(
      ledger.at("entries").at(0),
      (Json{{"fate", "dropped"}, {"place", "server:eth0 xdp drop"}, {"reason", "XDP_DROP"}, {"count", 2}}));
  EXPECT_EQ(ledger.at("background").size(), 1U);
  EXPECT_EQ(ledger.at("unaccounted"), 0);
  EXPECT_EQ(ledger.at("balanced"), true);

  result.ledger.sent = 5;
  result.ledger.missing = {"2 last seen at server:eth0"};
  result.ledger.Close();
  ledger = TryDocument(result).at("ledger");
  EXPECT_EQ(ledger.at("unaccounted"), 2);
  EXPECT_EQ(ledger.at("balanced"), false);
  EXPECT_EQ(ledger.at("missing").at(0), "2 last seen at server:eth0");
}

RunReport SmallRun() {
  RunReport report;
  report.id = "r1";
  ScenarioResult passed;
  passed.name = "drop-dns";
  passed.file = "drop-dns.yaml";
  passed.rig = "wire";
  passed.outcome = ScenarioOutcome::kPass;
  passed.result.ledger = SmallLedger();
  passed.result.checks = {
      {.expect = "ledger.drop", .pass = true, .message = "", .mark = {"drop-dns.yaml", 9, 3}}};
  passed.result.cost = {{.program = "drop", .value = 41, .runs = 50000}};
  ScenarioResult failed = passed;
  failed.name = "full-ring";
  failed.outcome = ScenarioOutcome::kFail;
  failed.result.checks[0].pass = false;
  failed.result.checks[0].message = "expected 12, found 9";
  report.scenarios = {passed, failed};
  return report;
}

TEST(RunDocument, HasTheContractsFields) {
  const Json document = RunDocument(SmallRun());
  EXPECT_EQ(document.at("schema"), "knetlab.run/1");
  EXPECT_EQ(document.at("run").at("id"), "r1");
  EXPECT_TRUE(document.at("run").contains("environment"));
  const Json& scenario = document.at("scenarios").at(0);
  for (const char* field : {"name", "file", "rig", "kernel", "repetition", "outcome", "reason", "duration_s",
                            "ledger", "checks", "latency", "cost"}) {
    EXPECT_TRUE(scenario.contains(field)) << field;
  }
  EXPECT_EQ(scenario.at("outcome"), "pass");
  EXPECT_EQ(scenario.at("cost").at(0).at("value"), 41.0);
  EXPECT_EQ(scenario.at("cost").at(0).at("unit"), "ns/packet");
}

TEST(RunDocument, AFailedCheckHasItsMessageAndTheLineToLookAt) {
  const Json check = RunDocument(SmallRun()).at("scenarios").at(1).at("checks").at(0);
  EXPECT_EQ(check.at("expect"), "ledger.drop");
  EXPECT_EQ(check.at("outcome"), "fail");
  EXPECT_EQ(check.at("message"), "expected 12, found 9");
  EXPECT_EQ(check.at("where"), "drop-dns.yaml:9:3");
}

TEST(RunDocument, TheSummaryCountsEveryOutcomeAlsoThoseThatAreNone) {
  EXPECT_EQ(RunDocument(SmallRun()).at("summary"),
            (Json{{"pass", 1}, {"fail", 1}, {"skip", 0}, {"error", 0}}));
}

TEST(DoctorDocument, HasEveryFacilityWithItsHint) {
  const Json document =
      DoctorDocument({{.name = "netem", .works = false, .detail = "no such qdisc", .hint = "modprobe"}});
  EXPECT_EQ(document.at("schema"), "knetlab.doctor/1");
  EXPECT_EQ(document.at("facilities").at(0).at("name"), "netem");
  EXPECT_EQ(document.at("facilities").at(0).at("works"), false);
  EXPECT_EQ(document.at("facilities").at(0).at("hint"), "modprobe");
}

TEST(ListDocument, ShowsWhatAScenarioIsMadeOf) {
  Scenario scenario;
  scenario.name = "drop-dns";
  scenario.tags = {"xdp"};
  ProgramSpec program;
  program.label = "drop";
  program.object = "drop.bpf.o";
  scenario.programs = {program};
  const Json document = ListDocument({scenario});
  EXPECT_EQ(document.at("schema"), "knetlab.list/1");
  EXPECT_EQ(document.at("scenarios").at(0).at("name"), "drop-dns");
  EXPECT_EQ(document.at("scenarios").at(0).at("programs").at(0).at("object"), "drop.bpf.o");
}

TEST(ErrorDocument, AnswersWhatWhereWhyAndHint) {
  const Error error(
      {.what = "attach XDP", .where = "server:eth0", .why = "no", .hint = "try generic", .detail = ""});
  const Json document = ErrorDocument(error);
  EXPECT_EQ(document.at("schema"), "knetlab.error/1");
  EXPECT_EQ(document.at("error"),
            (Json{{"what", "attach XDP"}, {"where", "server:eth0"}, {"why", "no"}, {"hint", "try generic"}}));
  const Error with_log({.what = "load", .where = "p", .why = "refused", .hint = "", .detail = "0: exit"});
  EXPECT_EQ(ErrorDocument(with_log).at("error").at("detail"), "0: exit");
}

TEST(ValidateDocument, CountsScenariosAndListsMistakes) {
  const Error error(
      {.what = "read scenario", .where = "a.yaml:1:2", .why = "unknown key", .hint = "", .detail = ""});
  const Json document = ValidateDocument(3, {error});
  EXPECT_EQ(document.at("scenarios"), 3);
  EXPECT_EQ(document.at("errors").at(0).at("where"), "a.yaml:1:2");
}

TEST(DumpDocument, IsOneLineOfValidUtf8WhateverTheNames) {
  const Error error({.what = "open", .where = "caf\xe9\n.pcap", .why = "no", .hint = "", .detail = ""});
  const std::string text = DumpDocument(ErrorDocument(error));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(Json::parse(text).at("error").at("where"), "caf\uFFFD\n.pcap");
}

}  // namespace
}  // namespace knetlab
