// SPDX-License-Identifier: Apache-2.0
#include "results/store.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <bit>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "results/store_file.h"

namespace knetlab {
namespace {

using Texts = std::map<std::string, std::string>;

std::string TextOf(const Texts& texts) {
  constexpr int kOneLine = -1;
  return nlohmann::json(texts).dump(kOneLine, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error Damaged(const std::string& path, const std::string& why) {
  return Error({.what = "read store",
                .where = path,
                .why = "a record is damaged: " + why,
                .hint = "restore it from a copy",
                .detail = "",
                .code = EIO});
}

MetricKind KindOf(const std::string& name, const std::string& path) {
  try {
    return MetricKindOf(name);
  } catch (const Error& failure) {
    throw Damaged(path, failure.parts().why);
  }
}

Texts TextsOf(const std::string& text, const std::string& path) {
  try {
    return nlohmann::json::parse(text).get<Texts>();
  } catch (const nlohmann::json::exception& failure) {
    throw Damaged(path, failure.what());
  }
}

template <typename... Values>
void BindAll(SQLite::Statement& statement, const Values&... values) {
  int at = 0;
  (statement.bind(++at, values), ...);
}

Error NoSuchRun(const std::string& path, const std::string& id) {
  return Error({.what = "write to store",
                .where = path,
                .why = "a record belongs to run " + id + ", which is not there",
                .hint = "the record of the run comes first",
                .detail = "",
                .code = ENOENT});
}

// Carries out `body` with SQLite's failures as Errors.
template <typename Body>
auto Translated(const char* what, const std::string& path, Body body) {
  try {
    return body();
  } catch (const SQLite::Exception& failure) {
    throw StoreError(what, path, failure);
  }
}

}  // namespace

Store::Store(std::string path, Mode mode) : path_(std::move(path)), database_(OpenStoreFile(path_, mode)) {}
Store::Store(Store&&) noexcept = default;
Store::~Store() = default;

bool Store::Append(const Record& record) {
  bool added = false;
  const auto append = [&] {
    added = std::visit(
        [this](const auto& one) {
          using Kind = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<Kind, RunRecord>) return AppendRun(one);
          if constexpr (std::is_same_v<Kind, ScenarioRecord>) return AppendScenario(one);
          if constexpr (std::is_same_v<Kind, RunEnd>) return AppendEnd(one);
        },
        record);
  };
  if (together_) {
    append();
  } else {
    Together(append);
  }
  return added;
}

void Store::Together(const std::function<void()>& body) {
  Translated("write to store", path_, [&] {
    // Immediate: two that read first and then write would both wait for the other.
    SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
    together_ = true;
    try {
      body();
    } catch (...) {
      together_ = false;
      throw;
    }
    together_ = false;
    transaction.commit();
  });
}

bool Store::AppendRun(const RunRecord& run) {
  SQLite::Statement insert(
      *database_,
      "INSERT INTO runs(id, started_ns, version, revision, label, seed, planned, environment) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING");
  BindAll(insert, run.id, run.started_ns, run.version, run.revision, run.label,
          std::bit_cast<std::int64_t>(run.seed), std::bit_cast<std::int64_t>(run.planned),
          TextOf(run.environment));
  return insert.exec() > 0;
}

bool Store::AppendScenario(const ScenarioRecord& scenario) {
  const std::int64_t run = NumberOf(scenario.run);
  SQLite::Statement insert(
      *database_,
      "INSERT INTO scenarios(id, run, name, file, rig, kernel, repetition, seed, outcome, reason, "
      "duration_s, "
      "scenario_sha256, programs, captures, document) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(id) DO NOTHING");
  BindAll(insert, scenario.id, run, scenario.name, scenario.file, scenario.rig, scenario.kernel,
          scenario.repetition, scenario.seed, scenario.outcome, scenario.reason, scenario.duration_s,
          scenario.scenario_sha256, TextOf(scenario.programs), TextOf(scenario.captures), scenario.document);
  if (insert.exec() == 0) return false;
  AppendSamples(database_->getLastInsertRowid(), scenario.samples);
  return true;
}

void Store::AppendSamples(std::int64_t scenario, const std::vector<Sample>& samples) {
  SQLite::Statement insert(*database_,
                           "INSERT INTO samples(scenario, metric, unit, kind, value) VALUES(?, ?, ?, ?, ?)");
  for (const Sample& sample : samples) {
    BindAll(insert, scenario, sample.metric, sample.unit, std::string(MetricKindName(sample.kind)),
            sample.value);
    insert.exec();
    insert.reset();
  }
}

bool Store::AppendEnd(const RunEnd& end) {
  SQLite::Statement insert(*database_,
                           "INSERT INTO run_ends(run, duration_s) VALUES(?, ?) ON CONFLICT(run) DO NOTHING");
  BindAll(insert, NumberOf(end.run), end.duration_s);
  return insert.exec() > 0;
}

std::int64_t Store::NumberOf(const std::string& id) {
  return Translated("read store", path_, [&] {
    SQLite::Statement query(*database_, "SELECT number FROM runs WHERE id = ?");
    query.bind(1, id);
    if (!query.executeStep()) throw NoSuchRun(path_, id);
    return query.getColumn(0).getInt64();
  });
}

std::vector<StoredRun> Store::Runs() {
  return Translated("read store", path_, [&] {
    std::map<std::int64_t, std::map<std::string, std::size_t>> outcomes;
    SQLite::Statement counts(*database_,
                             "SELECT run, outcome, count(*) FROM scenarios GROUP BY run, outcome");
    while (counts.executeStep())
      outcomes[counts.getColumn(0).getInt64()][counts.getColumn(1).getString()] =
          static_cast<std::size_t>(counts.getColumn(2).getInt64());
    std::vector<StoredRun> runs;
    SQLite::Statement query(
        *database_,
        "SELECT number, id, started_ns, version, revision, label, seed, planned, environment, "
        "run_ends.duration_s FROM runs LEFT JOIN run_ends ON run_ends.run = number "
        "ORDER BY started_ns, number");
    while (query.executeStep()) {
      StoredRun& run = runs.emplace_back();
      run.number = query.getColumn(0).getInt64();
      run.run = {.id = query.getColumn(1).getString(),
                 .started_ns = query.getColumn(2).getInt64(),
                 .version = query.getColumn(3).getString(),
                 .revision = query.getColumn(4).getString(),
                 .label = query.getColumn(5).getString(),
                 .seed = std::bit_cast<std::uint64_t>(query.getColumn(6).getInt64()),
                 .planned = std::bit_cast<std::uint64_t>(query.getColumn(7).getInt64()),
                 .environment = TextsOf(query.getColumn(8).getString(), path_)};
      if (!query.getColumn(9).isNull()) run.duration_s = query.getColumn(9).getDouble();
      run.outcomes = std::move(outcomes[run.number]);
    }
    return runs;
  });
}

std::vector<ScenarioRecord> Store::Scenarios(const StoredRun& run) {
  return Translated("read store", path_, [&] {
    std::vector<ScenarioRecord> scenarios;
    SQLite::Statement query(
        *database_,
        "SELECT number, id, name, file, rig, kernel, repetition, seed, outcome, reason, duration_s, "
        "scenario_sha256, programs, captures, document FROM scenarios WHERE run = ? ORDER BY number");
    query.bind(1, run.number);
    while (query.executeStep()) {
      scenarios.push_back({.id = query.getColumn(1).getString(),
                           .run = run.run.id,
                           .name = query.getColumn(2).getString(),
                           .file = query.getColumn(3).getString(),
                           .rig = query.getColumn(4).getString(),
                           .kernel = query.getColumn(5).getString(),
                           .repetition = query.getColumn(6).getInt(),
                           .seed = query.getColumn(7).getInt64(),
                           .outcome = query.getColumn(8).getString(),
                           .reason = query.getColumn(9).getString(),
                           .duration_s = query.getColumn(10).getDouble(),
                           .scenario_sha256 = query.getColumn(11).getString(),
                           .programs = TextsOf(query.getColumn(12).getString(), path_),
                           .captures = TextsOf(query.getColumn(13).getString(), path_),
                           .document = query.getColumn(14).getString(),
                           .samples = Samples(query.getColumn(0).getInt64())});
    }
    return scenarios;
  });
}

std::vector<Sample> Store::Samples(std::int64_t scenario) {
  std::vector<Sample> samples;
  SQLite::Statement query(*database_,
                          "SELECT metric, unit, kind, value FROM samples WHERE scenario = ? ORDER BY number");
  query.bind(1, scenario);
  while (query.executeStep()) {
    samples.push_back({.metric = query.getColumn(0).getString(),
                       .unit = query.getColumn(1).getString(),
                       .kind = KindOf(query.getColumn(2).getString(), path_),
                       .value = query.getColumn(3).getDouble()});
  }
  return samples;
}

void Store::SetBaseline(const std::string& name, const StoredRun& run, std::int64_t now_ns) {
  Together([&] {
    SQLite::Statement insert(*database_, "INSERT INTO baselines(name, run, set_ns) VALUES(?, ?, ?)");
    BindAll(insert, name, run.number, now_ns);
    insert.exec();
  });
}

std::vector<Baseline> Store::Baselines() {
  return Translated("read store", path_, [&] {
    std::map<std::string, Baseline> newest;
    SQLite::Statement query(*database_, "SELECT name, run, set_ns FROM baselines ORDER BY number");
    while (query.executeStep()) {
      const std::string name = query.getColumn(0).getString();
      newest[name] = {name, query.getColumn(1).getInt64(), query.getColumn(2).getInt64()};
    }
    std::vector<Baseline> baselines;
    baselines.reserve(newest.size());
    for (auto& [name, baseline] : newest) baselines.push_back(std::move(baseline));
    return baselines;
  });
}

}  // namespace knetlab
