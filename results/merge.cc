// SPDX-License-Identifier: Apache-2.0
#include "results/merge.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "netns/error.h"
#include "results/json_lines.h"

namespace knetlab {
namespace {

constexpr std::string_view kSqliteMagic("SQLite format 3\0", 16);

std::ifstream OpenForReading(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure))
    throw ErrnoError("read records", path, failure ? failure.value() : EINVAL,
                     "a store or a JSON-lines file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ErrnoError("read records", path, errno);
  return file;
}

bool IsSqlite(std::ifstream& file) {
  std::array<char, kSqliteMagic.size()> begin{};
  file.read(begin.data(), begin.size());
  const bool is = std::string_view(begin.data(), begin.size()) == kSqliteMagic;
  file.clear();
  file.seekg(0);
  return is;
}

class Merger {
 public:
  Merger(Store& store, bool salvage) : store_(store), salvage_(salvage) {}

  void AddFile(const std::string& path) {
    std::ifstream file = OpenForReading(path);
    if (IsSqlite(file)) {
      Store from(path, Store::Mode::kRead);
      for (const StoredRun& run : from.Runs()) {
        for (const Record& record : RecordsOf(from, run)) Add(record);
      }
      return;
    }
    try {
      ReadJsonLines(file, path, [this](const Record& record) { Add(record); });
    } catch (const Error& failure) {
      if (!salvage_) throw;
      result_.incomplete.emplace_back(failure.what());
    }
  }
  MergeResult Take() { return std::move(result_); }

 private:
  void Add(const Record& record) {
    if (!store_.Append(record)) {
      result_.known++;
    } else if (std::holds_alternative<RunRecord>(record)) {
      result_.runs++;
    } else if (std::holds_alternative<ScenarioRecord>(record)) {
      result_.scenarios++;
    }
  }

  Store& store_;
  bool salvage_;
  MergeResult result_;
};

}  // namespace

MergeResult MergeFiles(Store& store, const std::vector<std::string>& paths, bool salvage) {
  std::error_code failure;
  for (const std::string& path : paths) {
    // It would wait for its own turn to read what is being written.
    if (std::filesystem::equivalent(path, store.path(), failure)) {
      throw Error({.what = "merge",
                   .where = path,
                   .why = "it is the store to merge into",
                   .hint = "name the others",
                   .detail = "",
                   .code = EINVAL});
    }
  }
  Merger merger(store, salvage);
  store.Together([&] {
    for (const std::string& path : paths) merger.AddFile(path);
  });
  return merger.Take();
}

std::vector<Record> RecordsOf(Store& store, const StoredRun& run) {
  std::vector<Record> records = {run.run};
  for (ScenarioRecord& scenario : store.Scenarios(run)) records.emplace_back(std::move(scenario));
  if (run.duration_s) records.emplace_back(RunEnd{.run = run.run.id, .duration_s = *run.duration_s});
  return records;
}

}  // namespace knetlab
