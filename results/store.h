// SPDX-License-Identifier: Apache-2.0
// The store: records in one SQLite file.
//
//   Store store("knetlab.db", Store::Mode::kWrite);
//   store.Append(run);
//   store.Append(scenario);        // one transaction: whole in the file when this returns, or not there at
//   all for (const StoredRun& run : store.Runs()) ...
//
// A record survives SIGKILL and, as far as the disk keeps its word, the loss of power from the moment Append
// returns. Any number of processes write to one store at once: each waits for its turn. A rollback journal
// (SQLite's default), not a write-ahead log: nothing stays beside the store but during a write, and it works
// on file systems that are not local.
//
// A file that is no store, a store of another version and one that is damaged are an Error when it is opened,
// and are left as they are. One thread at a time. All failures are Errors whose `where` is the store's path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "results/record.h"

namespace SQLite {
class Database;
}

namespace knetlab {

struct StoredRun {
  std::int64_t number = 0;  // in this store: what people type
  RunRecord run;
  std::optional<double> duration_s;             // none: it did not come to its end
  std::map<std::string, std::size_t> outcomes;  // "pass" -> scenarios
};

struct Baseline {
  std::string name;
  std::int64_t run = 0;     // number
  std::int64_t set_ns = 0;  // since 1970, UTC
};

class Store {
 public:
  // kRead: the store must be there. kWrite: it is made where there is none.
  enum class Mode { kRead, kWrite };

  Store(std::string path, Mode mode);
  Store(Store&&) noexcept;
  ~Store();

  const std::string& path() const { return path_; }

  // False where the store has a record with this id already. The run of a scenario or an end must be there.
  bool Append(const Record& record);
  // All that `body` appends, or, where it throws, nothing.
  void Together(const std::function<void()>& body);

  std::vector<StoredRun> Runs();  // the oldest first
  std::int64_t NumberOf(const std::string& id);
  std::vector<ScenarioRecord> Scenarios(const StoredRun& run);
  RunData Data(const StoredRun& run) { return {run.run, Scenarios(run)}; }

  // What a person calls a run: its number, `latest`, the name of a baseline, a label, the beginning of an id
  // or of a source revision (7 characters at least). A label and a revision may stand for several, the oldest
  // first. Never empty: Error.
  std::vector<StoredRun> Find(const std::string& name);

  // The name is moved where it was given before; the store remembers when.
  void SetBaseline(const std::string& name, const StoredRun& run, std::int64_t now_ns);
  std::vector<Baseline> Baselines();  // by name

 private:
  bool AppendRun(const RunRecord& run);
  bool AppendScenario(const ScenarioRecord& scenario);
  bool AppendEnd(const RunEnd& end);
  void AppendSamples(std::int64_t scenario, const std::vector<Sample>& samples);
  std::vector<Sample> Samples(std::int64_t scenario);

  std::string path_;
  std::unique_ptr<SQLite::Database> database_;
  bool together_ = false;
};

}  // namespace knetlab
