// SPDX-License-Identifier: Apache-2.0
// knetlab results, on stores made for the purpose: what a person and a script see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/cli/chart.h"
#include "harness/cli/command_test_support.h"
#include "results/store.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_results::Cost;
using testing_results::MakeRun;
using testing_results::MakeScenario;

// Runs 1 and 2 are the same; in run 3 a packet more is dropped.
std::string ThreeRuns(const TestFolder& folder) {
  std::string path = folder.Path("s.db");
  Store store(path, Store::Mode::kWrite);
  for (int run = 1; run <= 3; run++) {
    RunRecord record = MakeRun("r" + std::to_string(run), run);
    record.label = run == 3 ? "new" : "old";
    store.Append(record);
    for (int i = 0; i < 2; i++) store.Append(MakeScenario(record.id, i, run == 3 ? 5 : 4, {Cost(40 + run)}));
    store.Append(RunEnd{.run = record.id, .duration_s = 1});
  }
  return path;
}

Finished Results(std::vector<std::string> words, const std::string& store) {
  words.insert(words.begin(), "results");
  words.insert(words.end(), {"--store", store});
  return RunKnetlab(words);
}

TEST(ResultsCompare, FindsOnePacketAndEndsWithOne) {
  const TestFolder folder;
  const std::string store = ThreeRuns(folder);
  EXPECT_EQ(Results({"compare", "2", "1"}, store).status, 0);
  const Finished worse = Results({"compare", "new", "1"}, store);
  EXPECT_EQ(worse.status, 1);
  EXPECT_THAT(worse.out, HasSubstr("WORSE"));
  EXPECT_THAT(worse.out, HasSubstr("verdicts.filter.XDP_DROP"));
}

TEST(ResultsCompare, InJsonHasTheContractsFields) {
  const TestFolder folder;
  const Finished finished = Results({"compare", "3", "old", "--json"}, ThreeRuns(folder));
  EXPECT_EQ(finished.status, 1);
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("schema"), "knetlab.results-compare/1");
  EXPECT_EQ(document.at("baseline").size(), 2U) << "a label stands for all of its runs";
  bool found = false;
  for (const json& change : document.at("changes")) {
    for (const char* field : {"scenario", "metric", "kind", "before", "after", "ratio", "p_value", "verdict"})
      EXPECT_TRUE(change.contains(field)) << field;
    if (change.at("metric") != "verdicts.filter.XDP_DROP") continue;
    found = true;
    EXPECT_EQ(change.at("kind"), "exact");
    EXPECT_EQ(change.at("before"), 4);
    EXPECT_EQ(change.at("after"), 5);
    EXPECT_EQ(change.at("verdict"), "worse");
  }
  EXPECT_TRUE(found);
}

TEST(ResultsCompare, OfARunWithItselfIsAMistake) {
  const TestFolder folder;
  const Finished finished = Results({"compare", "3", "new"}, ThreeRuns(folder));
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("the same run"));
}

TEST(ResultsBaseline, IsANameToCompareWith) {
  const TestFolder folder;
  const std::string store = ThreeRuns(folder);
  EXPECT_EQ(Results({"baseline", "set", "main", "1"}, store).status, 0);
  EXPECT_EQ(Results({"compare", "2", "main"}, store).status, 0);
  EXPECT_EQ(Results({"compare", "latest", "main"}, store).status, 1);
  EXPECT_THAT(Results({"baseline", "list"}, store).out, HasSubstr("main"));
  EXPECT_EQ(Results({"baseline", "set", "7", "1"}, store).status, 2);
}

TEST(ResultsListAndShow, TellWhatThereIs) {
  const TestFolder folder;
  const std::string store = ThreeRuns(folder);
  const Finished list = Results({"list"}, store);
  EXPECT_THAT(list.out, HasSubstr("2 passed"));
  EXPECT_THAT(list.out, HasSubstr("3 runs"));
  EXPECT_EQ(json::parse(Results({"list", "--json"}, store).out).at("runs").size(), 3U);
  EXPECT_THAT(Results({"show", "1"}, store).out, HasSubstr("drop-dns"));
  EXPECT_EQ(json::parse(Results({"show", "1", "--json"}, store).out).at("schema"), "knetlab.run/1");
}

TEST(ResultsExport, GoesIntoAnotherStoreByMerge) {
  const TestFolder folder;
  const std::string store = ThreeRuns(folder);
  const std::string lines = folder.Write("r.jsonl", Results({"export", "2", "--format", "json"}, store).out);
  const Finished merged = Results({"merge", lines}, folder.Path("other.db"));
  EXPECT_EQ(merged.status, 0) << merged.err;
  EXPECT_THAT(merged.out, HasSubstr("1 run with 2 scenario results"));
  EXPECT_THAT(Results({"export", "2", "--format", "yaml"}, store).err, HasSubstr("junit"));
}

TEST(ResultsTrend, DrawsInTheTerminalAndAsSvg) {
  const TestFolder folder;
  const std::string store = ThreeRuns(folder);
  const Finished trend = Results({"trend", "cost.filter", "--svg", folder.Path("t.svg")}, store);
  EXPECT_THAT(trend.out, HasSubstr("drop-dns"));
  EXPECT_THAT(ReadWhole(folder.Path("t.svg")), HasSubstr("<svg"));
  const json document = json::parse(Results({"trend", "cost.filter", "--json"}, store).out);
  EXPECT_EQ(document.at("series").at(0).at("points").size(), 3U);
}

TEST(ResultsStore, ThatIsNotThereIsNotMadeByLooking) {
  const TestFolder folder;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"list"}, {"show", "1"}, {"baseline", "set", "main", "1"}}) {
    const Finished finished = Results(words, folder.Path("none.db"));
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("there is no such file"));
  }
  EXPECT_EQ(folder.Files(), 0U);
}

TEST(Sparkline, RisesWithTheValues) {
  EXPECT_EQ(Sparkline({1, 2, 3, 8}, 10, false), "▁▂▃█");
  EXPECT_EQ(Sparkline({1, 5}, 10, true), "_#");
  EXPECT_EQ(Sparkline({1, 1, 3, 3}, 2, true), "_#") << "neighbours become one";
  EXPECT_THAT(Sparkline({}, 10, true), IsEmpty());
}

TEST(RunStore, ThatCannotBeOpenedIsRefusedBeforeAnythingRuns) {
  const TestFolder folder;
  const std::string store = folder.Write("s.db", "this is no store at all");
  const std::string scenario =
      folder.Write("a.yaml", "name: a\nsummary: Any.\nprograms:\n  p: {object: " KNETLAB_OBJECTS
                             "/parity.bpf.o, program: xdp_parity}\nsteps:\n"
                             "  - replay: {capture: " KNETLAB_CAPTURES "/dnscap__dns.pcap}\n");
  const Finished refused = RunKnetlab({"run", scenario, "--rig", "unit", "--store", store});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("it is no store"));
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_EQ(ReadWhole(store), "this is no store at all");
  const Finished run = RunKnetlab({"run", scenario, "--rig", "unit", "--store", folder.Path("new.db")});
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("run 1 in " + folder.Path("new.db")));
  EXPECT_EQ(RunKnetlab({"run", scenario, "--rig", "unit"}).status, 0);
  EXPECT_EQ(folder.Files(), 3U) << "no store without being asked";
}

}  // namespace
}  // namespace knetlab
