// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/recording.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "harness/program/sha256.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/filter_program.h"
#include "harness/scenario/latency_floor.h"
#include "harness/scenario/runner.h"
#include "harness/scenario/source_revision.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "2026-11-22T21:03:00Z"
std::string Iso(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(ns / kSecond)));
}

// Files that several scenarios share are read once.
class FileHashes {
 public:
  std::string Of(const std::string& path) {
    const auto known = hashes_.find(path);
    if (known != hashes_.end()) return known->second;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw ErrnoError("read", path, errno);
    return hashes_[path] = Sha256File(fd.get(), path);
  }

 private:
  std::map<std::string, std::string> hashes_;
};

void AddLedger(const Ledger& ledger, std::vector<Sample>& samples) {
  const auto add = [&](std::string metric, std::uint64_t count) {
    samples.push_back({.metric = std::move(metric),
                       .unit = "packets",
                       .kind = MetricKind::kExact,
                       .value = static_cast<double>(count)});
  };
  add("ledger.sent", ledger.sent);
  add("ledger.unaccounted", ledger.unaccounted);
  std::map<std::string, std::uint64_t> counts;  // a place may have several reasons
  for (const LedgerEntry& entry : ledger.entries)
    counts[fmt::format("ledger.{}.{}", FateName(entry.fate), entry.place)] += entry.count;
  for (const auto& [metric, count] : counts) add(metric, count);
}

void AddVerdicts(const RigResult& result, std::vector<Sample>& samples) {
  for (const auto& [program, verdicts] : result.verdicts) {
    for (const auto& [verdict, count] : verdicts) {
      samples.push_back({.metric = fmt::format("verdicts.{}.{}", program, verdict),
                         .unit = "packets",
                         .kind = MetricKind::kExact,
                         .value = static_cast<double>(count)});
    }
  }
}

void AddCosts(const RigResult& result, std::vector<Sample>& samples) {
  for (const CostResult& cost : result.cost) {
    // Counted instructions are the same each time; times never are.
    const bool counted = cost.kind == "instructions";
    Sample sample = {.metric = "cost." + cost.program + (counted ? ".instructions" : ""),
                     .unit = cost.unit,
                     .kind = counted ? MetricKind::kExact : MetricKind::kSampled,
                     .value = cost.value};
    if (cost.samples.empty() || counted) samples.push_back(sample);
    for (const double value : counted ? std::vector<double>() : cost.samples) {
      sample.value = value;
      samples.push_back(sample);
    }
  }
}

// A quantile says something where some packets lie beyond it; of fewer it is the one packet that an interrupt
// met. The rig's own floor is measured once a run, not in each repetition: many copies of it would look like
// many measurements that agree.
void AddLatencies(const RigResult& result, std::vector<Sample>& samples) {
  for (const LatencyResult& latency : result.latency) {
    if (latency.place.starts_with(kRigFloor)) continue;
    struct Quantile {
      const char* name;
      std::uint64_t value, packets;  // how many it takes
    };
    for (const Quantile& quantile :
         {Quantile{"p50", latency.p50_ns, 10}, Quantile{"p90", latency.p90_ns, 100},
          Quantile{"p99", latency.p99_ns, 1000}, Quantile{"p999", latency.p999_ns, 10'000}}) {
      if (latency.count < quantile.packets) continue;
      samples.push_back({.metric = fmt::format("latency.{}.{}", latency.place, quantile.name),
                         .unit = "ns",
                         .kind = MetricKind::kSampled,
                         .value = static_cast<double>(quantile.value)});
    }
  }
}

std::map<std::string, std::string> EnvironmentTexts(const Environment& environment) {
  return {{"kernel", environment.kernel}, {"machine", environment.machine},
          {"cpu", environment.cpu},       {"cpus", std::to_string(environment.cpus)},
          {"jit", environment.jit},       {"mitigations", environment.mitigations},
          {"clock", environment.clock},   {"governor", environment.governor}};
}

}  // namespace

std::vector<Sample> SamplesOf(const ScenarioResult& result) {
  std::vector<Sample> samples;
  if (result.outcome == ScenarioOutcome::kSkip) return samples;
  samples.push_back({.metric = "outcome.pass",
                     .unit = "",
                     .kind = MetricKind::kExact,
                     .value = result.outcome == ScenarioOutcome::kPass ? 1.0 : 0.0});
  if (result.outcome == ScenarioOutcome::kError) return samples;  // there is no account of what broke off
  AddLedger(result.result.ledger, samples);
  AddVerdicts(result.result, samples);
  AddCosts(result.result, samples);
  AddLatencies(result.result, samples);
  samples.push_back(
      {.metric = "duration", .unit = "s", .kind = MetricKind::kSampled, .value = result.duration_s});
  return samples;
}

Recorder::Recorder(const std::string& store, RunRecord run, const Environment& environment,
                   const std::vector<Scenario>& suite)
    : store_(store, Store::Mode::kWrite), run_(run.id) {
  FileHashes hashes;
  for (const Scenario& scenario : suite) {
    Inputs& inputs = inputs_[scenario.name];
    inputs.scenario = hashes.Of(scenario.file);
    for (const ProgramSpec& program : scenario.programs) {
      if (!program.object.empty()) inputs.programs[program.label] = hashes.Of(program.object);
      if (!program.filter.empty()) inputs.programs[program.label] = HashOfFilter(program);
    }
    for (const Step& step : scenario.steps) {
      const auto* replay = std::get_if<ReplayStep>(&step.what);
      if (replay != nullptr && !replay->flood) inputs.captures[replay->capture] = hashes.Of(replay->capture);
    }
  }
  run.started_ns = NowNs();
  run.version = environment.version;
  run.revision = suite.empty() ? "" : SourceRevision(suite.front().file);
  run.environment = EnvironmentTexts(environment);
  store_.Append(run);
  number_ = store_.NumberOf(run_);
}

template <typename Write>
void Recorder::Guarded(Write write) noexcept {
  try {
    try {
      write();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& failure) {
      throw Error({.what = "write to store",
                   .where = store_.path(),
                   .why = failure.what(),
                   .hint = "",
                   .detail = ""});
    }
  } catch (const Error& failure) {
    if (!failure_) failure_ = failure;
  }
}

void Recorder::Add(const ScenarioResult& result) noexcept {
  Guarded([&] {
    const Inputs& inputs = inputs_[result.name];
    store_.Append(ScenarioRecord{.id = fmt::format("{}/{}", run_, written_++),
                                 .run = run_,
                                 .name = result.name,
                                 .file = result.file,
                                 .rig = result.rig,
                                 .kernel = result.kernel,
                                 .repetition = result.repetition,
                                 .seed = result.seed,
                                 .outcome = std::string(OutcomeName(result.outcome)),
                                 .reason = result.reason,
                                 .duration_s = result.duration_s,
                                 .scenario_sha256 = inputs.scenario,
                                 .programs = inputs.programs,
                                 .captures = inputs.captures,
                                 .document = DumpDocument(ScenarioDocument(result)),
                                 .samples = SamplesOf(result)});
  });
}

void Recorder::End(double duration_s) noexcept {
  Guarded([&] { store_.Append(RunEnd{.run = run_, .duration_s = duration_s}); });
}

Json StoredRunDocument(Store& store, const StoredRun& run) {
  Json environment = run.run.environment;
  if (environment.contains("cpus")) environment["cpus"] = std::atoi(run.run.environment.at("cpus").c_str());
  environment["version"] = run.run.version;
  Json document = {{"schema", "knetlab.run/1"},
                   {"run",
                    {{"id", run.run.id},
                     {"number", run.number},
                     {"label", run.run.label},
                     {"revision", run.run.revision},
                     {"started", Iso(run.run.started_ns)},
                     {"seed", run.run.seed},
                     {"planned", run.run.planned},
                     {"interrupted", !run.duration_s},
                     {"environment", std::move(environment)},
                     {"duration_s", run.duration_s.value_or(0)}}},
                   {"scenarios", Json::array()},
                   {"summary", Json::object()}};
  for (const ScenarioRecord& scenario : store.Scenarios(run)) {
    // A store may come from anyone.
    Json one = Json::parse(scenario.document, nullptr, false);
    if (one.is_discarded()) {
      throw Error({.what = "read store",
                   .where = store.path(),
                   .why = "the document of " + scenario.id + " is no JSON",
                   .hint = "restore it from a copy",
                   .detail = "",
                   .code = EIO});
    }
    document["scenarios"].push_back(std::move(one));
  }
  for (const char* outcome : {"pass", "fail", "skip", "error"}) {
    const auto count = run.outcomes.find(outcome);
    document["summary"][outcome] = count == run.outcomes.end() ? 0 : count->second;
  }
  return document;
}

}  // namespace knetlab
