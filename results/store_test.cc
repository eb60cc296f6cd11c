// SPDX-License-Identifier: Apache-2.0
#include "results/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netns/error.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing_results::Folder;
using testing_results::MakeRun;
using testing_results::MakeScenario;
using testing_results::ReadWhole;

// What opening the file says; it must be as before afterwards.
ErrorParts RefusalOf(const std::string& path, Store::Mode mode) {
  const std::string before = ReadWhole(path);
  try {
    const Store store(path, mode);
    ADD_FAILURE() << path << " was opened";
  } catch (const Error& error) {
    EXPECT_EQ(ReadWhole(path), before) << "the file was changed";
    EXPECT_EQ(error.parts().where, path);
    EXPECT_FALSE(error.parts().hint.empty());
    return error.parts();
  }
  return {};
}

void ExpectRefused(const std::string& path, const std::string& why) {
  EXPECT_THAT(RefusalOf(path, Store::Mode::kRead).why, HasSubstr(why));
  EXPECT_THAT(RefusalOf(path, Store::Mode::kWrite).why, HasSubstr(why));
}

// A store of `scenarios` records in one run.
std::string MakeStore(const Folder& folder, int scenarios) {
  std::string path = folder.Path("whole.db");
  Store store(path, Store::Mode::kWrite);
  store.Append(MakeRun("r1"));
  for (int i = 0; i < scenarios; i++) store.Append(MakeScenario("r1", i));
  return path;
}

TEST(Store, GivesBackWhatWasAppended) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  RunRecord run = MakeRun("r1", 42);
  run.revision = "0123456789abcdef";
  run.label = "before";
  run.seed = ~std::uint64_t{0};
  EXPECT_TRUE(store.Append(run));
  EXPECT_TRUE(store.Append(MakeScenario("r1", 0, 3)));
  EXPECT_TRUE(store.Append(RunEnd{.run = "r1", .duration_s = 1.5}));

  Store again(folder.Path("s.db"), Store::Mode::kRead);
  const std::vector<StoredRun> runs = again.Runs();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].number, 1);
  EXPECT_EQ(runs[0].run.label, "before");
  EXPECT_EQ(runs[0].run.seed, ~std::uint64_t{0});
  EXPECT_EQ(runs[0].run.environment, run.environment);
  EXPECT_EQ(runs[0].duration_s, 1.5);
  EXPECT_EQ(runs[0].outcomes.at("pass"), 1U);
  const std::vector<ScenarioRecord> scenarios = again.Scenarios(runs[0]);
  ASSERT_EQ(scenarios.size(), 1U);
  EXPECT_EQ(scenarios[0].programs.at("filter"), "bb");
  EXPECT_EQ(scenarios[0].document, R"({"name":"drop-dns","outcome":"pass"})");
  ASSERT_EQ(scenarios[0].samples.size(), 5U);
  EXPECT_EQ(scenarios[0].samples[3].metric, "verdicts.filter.XDP_DROP");
  EXPECT_EQ(scenarios[0].samples[3].value, 3);
}

TEST(Store, TakesARecordOnce) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  EXPECT_TRUE(store.Append(MakeRun("r1")));
  EXPECT_FALSE(store.Append(MakeRun("r1")));
  EXPECT_TRUE(store.Append(MakeScenario("r1", 0)));
  EXPECT_FALSE(store.Append(MakeScenario("r1", 0)));
  EXPECT_EQ(store.Scenarios(store.Runs()[0])[0].samples.size(), 5U);
}

TEST(Store, RefusesARecordWhoseRunIsNotThere) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  EXPECT_THROW(store.Append(MakeScenario("r1", 0)), Error);
}

TEST(Store, TogetherIsAllOrNothing) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  EXPECT_THROW(store.Together([&] {
    store.Append(MakeRun("r1"));
    store.Append(MakeScenario("r2", 0));
  }),
               Error);
  EXPECT_TRUE(store.Runs().empty());
  EXPECT_TRUE(store.Append(MakeRun("r1"))) << "a transaction was left open";
}

TEST(Store, LeavesNothingBesideItself) {
  const Folder folder;
  { MakeStore(folder, 3); }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.Path(""))) files++;
  EXPECT_EQ(files, 1U);
}

TEST(FindRun, TakesNumbersIdsLabelsBaselinesAndRevisions) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  for (const auto& [id, label, revision] :
       {std::tuple("a1", "main", "0123456789"), {"a2", "main", "0123456789"}, {"b1", "", "0199999999"}}) {
    RunRecord run = MakeRun(id, id[1]);
    run.label = label;
    run.revision = revision;
    store.Append(run);
  }
  EXPECT_EQ(store.Find("2")[0].run.id, "a2");
  EXPECT_EQ(store.Find("b")[0].run.id, "b1");
  EXPECT_EQ(store.Find("latest")[0].run.id, "a2");
  EXPECT_EQ(store.Find("main").size(), 2U);
  EXPECT_EQ(store.Find("0123456").size(), 2U);
  EXPECT_THROW(store.Find("a"), Error) << "two ids begin so";
  EXPECT_THROW(store.Find("019999"), Error) << "too short for a revision";
  EXPECT_THROW(store.Find("4"), Error);
  EXPECT_THROW(store.Find(""), Error);
  store.SetBaseline("good", store.Find("b1")[0], 1);
  store.SetBaseline("good", store.Find("a1")[0], 2);
  EXPECT_EQ(store.Find("good")[0].run.id, "a1") << "the name was moved";
  EXPECT_EQ(store.Baselines().size(), 1U);
}

TEST(StoreFile, OfAnotherVersionIsRefused) {
  const Folder folder;
  const std::string path = MakeStore(folder, 1);
  { SQLite::Database(path, SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2"); }
  ExpectRefused(path, "version is 2");
}

TEST(StoreFile, ThatIsNoStoreIsRefused) {
  const Folder folder;
  ExpectRefused(folder.Write("notes.txt", std::string(5000, 'x')), "not an SQLite file");
  ExpectRefused(folder.Write("short.txt", "hello"), "not an SQLite file");
  const std::string foreign = folder.Path("foreign.db");
  {
    SQLite::Database database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE cookies(name TEXT)");
  }
  ExpectRefused(foreign, "no store of knetlab");
}

TEST(StoreFile, WithATriggerInItIsRefused) {
  const Folder folder;
  const std::string path = MakeStore(folder, 1);
  {
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    database.exec("CREATE TRIGGER surprise AFTER INSERT ON runs BEGIN DELETE FROM samples; END");
  }
  ExpectRefused(path, "not those of a store");
}

TEST(StoreFile, ThatIsTruncatedIsRefusedWhereverItWasCut) {
  const Folder folder;
  const std::string whole = ReadWhole(MakeStore(folder, 40));
  for (const std::size_t size : {std::size_t{100}, std::size_t{4096}, std::size_t{10000}, whole.size() / 2,
                                 whole.size() - 4096, whole.size() - 1}) {
    const std::string path = folder.Write("cut.db", whole.substr(0, size));
    SCOPED_TRACE(size);
    for (const Store::Mode mode : {Store::Mode::kRead, Store::Mode::kWrite})
      EXPECT_THAT(RefusalOf(path, mode).why, HasSubstr("truncated or damaged"));
  }
}

TEST(StoreFile, ThatIsDamagedIsNeverACrash) {
  const Folder folder;
  const std::string whole = ReadWhole(MakeStore(folder, 40));
  for (std::size_t at = 16; at < whole.size(); at += 997) {
    std::string damaged = whole;
    for (std::size_t i = at; i < std::min(at + 32, damaged.size()); i++) damaged[i] = '\xa5';
    const std::string path = folder.Write("damaged.db", damaged);
    try {
      Store store(path, Store::Mode::kRead);
      for (const StoredRun& run : store.Runs()) store.Scenarios(run);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("damaged.db"));
    }
  }
}

TEST(StoreFile, ThatIsNotThereIsMadeForWritingOnly) {
  const Folder folder;
  EXPECT_THAT(RefusalOf(folder.Path("none.db"), Store::Mode::kRead).why, HasSubstr("no such file"));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("none.db")));
  EXPECT_THROW(Store(folder.Path("no/folder/s.db"), Store::Mode::kWrite), Error);
  EXPECT_THROW(Store(folder.Path(""), Store::Mode::kWrite), Error) << "a folder";
  EXPECT_THROW(Store("/dev/null", Store::Mode::kWrite), Error);
}

TEST(StoreFile, WhoseNameLooksLikeAUriIsAFile) {
  const Folder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.Path(""));
  { const Store store("file:s.db?mode=memory", Store::Mode::kWrite); }
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(folder.Path("file:s.db?mode=memory")));
}

}  // namespace
}  // namespace knetlab
