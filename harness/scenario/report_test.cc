// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>

#include "harness/scenario/documents.h"

namespace knetlab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

ScenarioResult Result(const std::string& name, ScenarioOutcome outcome) {
  ScenarioResult result;
  result.name = name;
  result.file = "smoke/" + name + ".yaml";
  result.rig = "wire";
  result.outcome = outcome;
  result.duration_s = 0.018;
  result.result.ledger.sent = 133;
  result.result.ledger.Add(Fate::kDelivered, "server:socket 10.0.0.2:53", "", 13);
  result.result.ledger.Add(Fate::kDropped, "server:eth0 xdp", "XDP_DROP", 120);
  result.result.ledger.Close();
  result.result.checks = {{.expect = "ledger.drop", .pass = true, .message = "", .mark = {}}};
  result.result.cost = {{.program = "filter", .value = 41.25, .runs = 30, .samples = {41, 41.5}}};
  return result;
}

// One of each outcome, and a repetition.
RunReport SmallRun() {
  RunReport report;
  report.id = "r1";
  report.started = "2026-11-22T21:03:00Z";
  report.seed = 7;
  report.environment.kernel = "6.18.44";
  report.environment.cpus = 2;
  ScenarioResult again = Result("drops", ScenarioOutcome::kPass);
  again.repetition = 2;
  ScenarioResult failed = Result("full-ring", ScenarioOutcome::kFail);
  failed.reason = "expected 12, found 9";
  failed.mark = {"smoke/full-ring.yaml", 31, 7};
  failed.result.checks.push_back(
      {.expect = "ledger.lost", .pass = false, .message = failed.reason, .mark = failed.mark});
  ScenarioResult skipped;
  skipped.name = "tcx";
  skipped.file = "smoke/tcx.yaml";
  skipped.rig = "wire";
  skipped.outcome = ScenarioOutcome::kSkip;
  skipped.reason = "needs tcx (Linux 6.6)";
  ScenarioResult broken = skipped;
  broken.name = "broken";
  broken.outcome = ScenarioOutcome::kError;
  broken.reason = "load program: refused\n0: exit";
  report.scenarios = {Result("drops", ScenarioOutcome::kPass), again, failed, skipped, broken};
  report.planned = report.scenarios.size();
  report.duration_s = 3.14;
  return report;
}

std::string Report(const std::string& format, const RunReport& report = SmallRun()) {
  return MakeReport(format, RunDocument(report));
}

pugi::xml_document Parsed(const std::string& text) {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(text.c_str())) << text;
  return document;
}

TEST(JunitReport, CountsOutcomesAndHasACaseForEachScenario) {
  const pugi::xml_document document = Parsed(Report("junit"));
  const pugi::xml_node suite = document.child("testsuites").child("testsuite");
  EXPECT_STREQ(suite.attribute("name").value(), "smoke");
  EXPECT_EQ(suite.attribute("tests").as_int(), 5);
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  EXPECT_EQ(suite.attribute("errors").as_int(), 1);
  EXPECT_EQ(suite.attribute("skipped").as_int(), 1);
  EXPECT_STREQ(suite.attribute("timestamp").value(), "2026-11-22T21:03:00");
  const auto test = [&](const char* name) { return suite.find_child_by_attribute("testcase", "name", name); };
  EXPECT_TRUE(test("drops #2"));
  EXPECT_FALSE(test("drops").child("failure"));
  EXPECT_STREQ(test("tcx").child("skipped").attribute("message").value(), "needs tcx (Linux 6.6)");
  EXPECT_STREQ(test("broken").child("error").attribute("message").value(), "load program: refused");
}

TEST(JunitReport, AFailureHasItsPlaceAndPropertiesHaveLedgerCostAndEnvironment) {
  const pugi::xml_document document = Parsed(Report("junit"));
  const pugi::xml_node suite = document.child("testsuites").child("testsuite");
  const pugi::xml_node failure =
      suite.find_child_by_attribute("testcase", "name", "full-ring").child("failure");
  EXPECT_STREQ(failure.attribute("type").value(), "ledger.lost");
  EXPECT_STREQ(failure.text().get(), "smoke/full-ring.yaml:31:7: ledger.lost: expected 12, found 9\n");
  const auto property = [&](const char* name) {
    return std::string(suite.child("properties")
                           .find_child_by_attribute("property", "name", name)
                           .attribute("value")
                           .value());
  };
  EXPECT_EQ(property("environment.kernel"), "6.18.44");
  EXPECT_EQ(property("drops ledger"), "133 sent = 120 dropped, 13 delivered");
  EXPECT_EQ(property("drops cost filter"), "41.2 ns/packet");
  EXPECT_EQ(property("seed"), "7");
}

TEST(KtapReport, FollowsTheKernelsRules) {
  RunReport report = SmallRun();
  report.scenarios = {report.scenarios[2], report.scenarios[3], report.scenarios[4]};
  report.planned = 3;
  EXPECT_EQ(Report("ktap", report),
            "KTAP version 1\n"
            "1..3\n"
            "# knetlab  on Linux 6.18.44, run r1, seed 7\n"
            "  KTAP version 1\n"
            "  1..2\n"
            "  ok 1 ledger.drop\n"
            "  # smoke/full-ring.yaml:31:7: expected 12, found 9\n"
            "  not ok 2 ledger.lost\n"
            "# 133 sent = 120 dropped, 13 delivered\n"
            "# smoke/full-ring.yaml:31:7: expected 12, found 9\n"
            "not ok 1 full-ring\n"
            "ok 2 tcx # SKIP needs tcx (Linux 6.6)\n"
            "# smoke/tcx.yaml: load program: refused\n"
            "# 0: exit\n"
            "not ok 3 broken # ERROR load program: refused\n");
}

TEST(KtapReport, PlansWhatAnInterruptLeftOut) {
  RunReport report = SmallRun();
  report.planned = 9;
  report.interrupted = true;
  EXPECT_THAT(Report("ktap", report),
              AllOf(HasSubstr("\n1..9\n"), HasSubstr("# interrupted: 4 of 9 did not run")));
}

TEST(MarkdownReport, HasFailuresFirstAndARowForEachScenario) {
  const std::string text = Report("markdown");
  EXPECT_THAT(text, StartsWith("### knetlab: 2 passed, 1 failed, 1 with errors, 1 skipped in 3.1 s\n"));
  EXPECT_LT(text.find("<summary>full-ring: expected 12, found 9</summary>"), text.find("| outcome |"));
  EXPECT_THAT(
      text,
      HasSubstr("\n| pass | drops \\#2 | 133 | 120 dropped, 13 delivered | 18 ms | 41.2 ns/packet |\n"));
  EXPECT_THAT(text, HasSubstr("<summary>Environment: Linux 6.18.44"));
}

TEST(MarkdownReport, NamesCannotBecomeMarkup) {
  RunReport report = SmallRun();
  report.scenarios = {report.scenarios[2]};
  report.scenarios[0].name = "<b>|[x](y)";
  report.scenarios[0].result.checks[1].message = "```\n# not a title";
  const std::string text = Report("markdown", report);
  EXPECT_THAT(text, HasSubstr("| &lt;b&gt;\\|\\[x\\](y) |"));
  EXPECT_THAT(text, HasSubstr("````text\n"));
}

TEST(BenchmarkReport, HasARepetitionForEachSampleAlsoOfRepeatedScenarios) {
  const Json document = Json::parse(Report("benchmark"));
  EXPECT_EQ(document.at("context").at("num_cpus"), 2);
  ASSERT_EQ(document.at("benchmarks").size(), 4U) << "two samples of each of two repetitions";
  const Json& last = document.at("benchmarks").at(3);
  EXPECT_EQ(last.at("name"), "drops/filter");
  EXPECT_EQ(last.at("repetitions"), 4);
  EXPECT_EQ(last.at("repetition_index"), 3);
  EXPECT_EQ(last.at("iterations"), 15);
  EXPECT_EQ(last.at("real_time"), 41.5);
  EXPECT_EQ(last.at("time_unit"), "ns");
}

TEST(BenchmarkReport, LatenciesAreBenchmarksOfTheirQuantiles) {
  RunReport report = SmallRun();
  report.scenarios[0].result.latency = {{.place = "server:eth0 xdp",
                                         .count = 9,
                                         .p50_ns = 5,
                                         .p90_ns = 6,
                                         .p99_ns = 7,
                                         .p999_ns = 8,
                                         .max_ns = 9}};
  EXPECT_THAT(Report("benchmark", report), HasSubstr("\"drops/server:eth0 xdp/p99\""));
}

TEST(Reports, TakeWhateverADocumentHolds) {
  RunReport report = SmallRun();
  report.scenarios[2].name = "caf\xe9\x01";
  report.scenarios[2].reason = "]]>\x1b[31m\n\xff";
  for (const std::string& format : ReportFormats()) {
    const std::string text = Report(format, report);
    EXPECT_THAT(text, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\xff")), Not(HasSubstr("\x01"))))
        << format;
  }
  EXPECT_STREQ(Parsed(Report("junit", report))
                   .child("testsuites")
                   .child("testsuite")
                   .find_child_by_attribute("testcase", "name", "caf\uFFFD?")
                   .child("failure")
                   .attribute("message")
                   .value(),
               "]]>?[31m\n\uFFFD");
  const char* odd[] = {
      R"({"schema":"knetlab.run/1"})", R"({"schema":"knetlab.run/1","run":7,"scenarios":{}})",
      R"({"schema":"knetlab.run/1","run":{"planned":-1,"seed":"x","environment":[1]},"scenarios":[
                           3,null,{"name":[],"ledger":"x","checks":[1,{}],"cost":[{"value":"x","samples":["y"]}],
                           "latency":[{"p50_ns":-3}],"repetition":1e300,"duration_s":-1,"notes":[{}]}]})"};
  for (const char* text : odd) {
    for (const std::string& format : ReportFormats())
      EXPECT_NO_THROW(MakeReport(format, Json::parse(text))) << text;
  }
}

TEST(Reports, OfOtherDocumentsAndUnknownFormatsAreRefused) {
  EXPECT_THROW(MakeReport("junit", Json{{"schema", "knetlab.try/1"}}), Error);
  EXPECT_THROW(MakeReport("junit", Json::array()), Error);
  try {
    Report("junitt");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.parts().hint, HasSubstr("junit"));
  }
}

class Targets : public testing::Test {
 protected:
  Targets() {
    std::string name = std::filesystem::temp_directory_path() / "knetlab-report-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
  }
  ~Targets() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(Targets, ThatCannotBeWrittenAreRefusedAndNothingIsLeft) {
  const auto refused = [&](const std::string& text) {
    try {
      ReadReportTarget(text);
      return ErrorParts{};
    } catch (const Error& error) {
      return error.parts();
    }
  };
  EXPECT_EQ(refused("junit:" + (folder_ / "none/r.xml").string()).code, ENOENT);
  EXPECT_EQ(refused("junit:" + (folder_ / "none/r.xml").string()).hint,
            "mkdir -p " + (folder_ / "none").string());
  EXPECT_EQ(refused("junit:" + folder_.string()).code, EISDIR);
  EXPECT_EQ(refused("junit:/proc/r.xml").where, "/proc/r.xml");
  EXPECT_EQ(refused("junit").hint, "junit:FILE");
  EXPECT_EQ(refused("junit:").hint, "junit:FILE");
  EXPECT_THAT(refused("ktapp:x").hint, HasSubstr("ktap"));
  EXPECT_EQ(refused("ktap:" + (folder_ / "r").string()).what, "") << "this one can";
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Targets, AreWrittenWholeAndTheColonOfAFilesNameIsItsOwn) {
  const ReportTarget target = ReadReportTarget("ktap:" + (folder_ / "a:b").string());
  WriteReport(target, RunDocument(SmallRun()));
  std::ifstream file(folder_ / "a:b");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), Report("ktap"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace knetlab
