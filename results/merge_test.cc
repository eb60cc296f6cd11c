// SPDX-License-Identifier: Apache-2.0
// Records as JSON lines, and stores put together.
#include "results/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netns/error.h"
#include "results/json_lines.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing_results::Folder;
using testing_results::MakeRun;
using testing_results::MakeScenario;

Store NewStore(const Folder& folder, const std::string& name) {
  return Store(folder.Path(name), Store::Mode::kWrite);
}

void Fill(Store& store, const std::string& run, int scenarios) {
  store.Append(MakeRun(run));
  for (int i = 0; i < scenarios; i++) store.Append(MakeScenario(run, i));
  store.Append(RunEnd{.run = run, .duration_s = 2});
}

std::string Lines(Store& store) {
  std::string text;
  for (const StoredRun& run : store.Runs()) {
    for (const Record& record : RecordsOf(store, run)) text += JsonLine(record);
  }
  return text;
}

ErrorParts MistakeOf(Store& store, const std::string& path) {
  try {
    MergeFiles(store, {path}, false);
  } catch (const Error& error) {
    return error.parts();
  }
  ADD_FAILURE() << path << " was taken";
  return {};
}

TEST(JsonLines, AStoreThatWentThroughThemIsTheSame) {
  const Folder folder;
  Store from = NewStore(folder, "from.db");
  Fill(from, "r1", 3);
  Fill(from, "r2", 1);
  const std::string lines = Lines(from);
  EXPECT_THAT(lines, HasSubstr(R"("schema":"knetlab.record/1")"));
  Store to = NewStore(folder, "to.db");
  const MergeResult result = MergeFiles(to, {folder.Write("all.jsonl", lines)}, false);
  EXPECT_EQ(result.runs, 2U);
  EXPECT_EQ(result.scenarios, 4U);
  EXPECT_EQ(Lines(to), lines);
}

TEST(JsonLines, TextThatIsNotUtf8IsReplaced) {
  ScenarioRecord scenario = MakeScenario("r1", 0);
  scenario.file = "bad\xff.yaml";
  EXPECT_THAT(JsonLine(scenario), HasSubstr("bad\xef\xbf\xbd.yaml"));
}

TEST(JsonLines, AMistakeNamesItsLine) {
  const Folder folder;
  Store store = NewStore(folder, "s.db");
  const std::string run = JsonLine(MakeRun("r1"));
  const ErrorParts no_json = MistakeOf(store, folder.Write("a.jsonl", run + "\nnonsense\n"));
  EXPECT_EQ(no_json.where, folder.Path("a.jsonl") + ":3");
  EXPECT_THAT(MistakeOf(store, folder.Write("b.jsonl", run + R"({"schema":"knetlab.record/2"})")).why,
              HasSubstr("knetlab.record/2"));
  EXPECT_THAT(
      MistakeOf(store, folder.Write("c.jsonl", R"({"schema":"knetlab.record/1","record":"run"})")).why,
      HasSubstr("no record"));
  EXPECT_THAT(MistakeOf(store, folder.Write("d.jsonl", "[1,2]")).why, HasSubstr("no record"));
  EXPECT_THAT(MistakeOf(store, folder.Write("e.jsonl", JsonLine(MakeScenario("r9", 0)))).why,
              HasSubstr("r9"));
  EXPECT_THAT(MistakeOf(store, folder.Path("none.jsonl")).where, HasSubstr("none.jsonl"));
  EXPECT_TRUE(store.Runs().empty()) << "a file with a mistake adds nothing";
}

TEST(JsonLines, ACutOffFileGivesWhatIsWholeWhereThatIsWanted) {
  const Folder folder;
  Store from = NewStore(folder, "from.db");
  Fill(from, "r1", 3);
  const std::string lines = Lines(from);
  const std::string cut = folder.Write("cut.jsonl", lines.substr(0, lines.size() - 200));
  Store store = NewStore(folder, "s.db");
  EXPECT_EQ(MistakeOf(store, cut).where, cut + ":4");
  EXPECT_THAT(MistakeOf(store, cut).hint, HasSubstr("--salvage"));
  EXPECT_TRUE(store.Runs().empty());
  const MergeResult result = MergeFiles(store, {cut}, true);
  EXPECT_EQ(result.scenarios, 2U);
  ASSERT_EQ(result.incomplete.size(), 1U);
  EXPECT_THAT(result.incomplete[0], HasSubstr("cut.jsonl:4"));
  EXPECT_EQ(store.Scenarios(store.Runs()[0]).size(), 2U);
  EXPECT_EQ(MergeFiles(store, {folder.Write("all.jsonl", lines)}, false).scenarios, 1U) << "the rest of it";
  EXPECT_EQ(Lines(store), lines);
}

TEST(Merge, TakesWhatIsNewAndNothingTwice) {
  const Folder folder;
  Store one = NewStore(folder, "one.db"), two = NewStore(folder, "two.db"), all = NewStore(folder, "all.db");
  Fill(one, "r1", 2);
  Fill(two, "r2", 3);
  two.Append(MakeRun("r1"));
  EXPECT_EQ(MergeFiles(all, {one.path(), two.path()}, false).scenarios, 5U);
  const MergeResult again = MergeFiles(all, {two.path(), one.path(), two.path()}, false);
  EXPECT_EQ(again.runs + again.scenarios, 0U);
  EXPECT_GT(again.known, 0U);
  EXPECT_EQ(all.Runs().size(), 2U);
}

TEST(Merge, OneFileThatCannotBeReadLeavesTheStoreAsItWas) {
  const Folder folder;
  Store one = NewStore(folder, "one.db"), all = NewStore(folder, "all.db");
  Fill(one, "r1", 2);
  EXPECT_THROW(MergeFiles(all, {one.path(), folder.Path("none.db")}, false), Error);
  EXPECT_TRUE(all.Runs().empty());
}

TEST(Merge, WithItselfIsAMistake) {
  const Folder folder;
  Store store = NewStore(folder, "s.db");
  Fill(store, "r1", 1);
  EXPECT_THAT(MistakeOf(store, store.path()).why, HasSubstr("the store to merge into"));
}

}  // namespace
}  // namespace knetlab
