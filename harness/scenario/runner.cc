// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <span>
#include <thread>
#include <utility>

#include "harness/program/sha256.h"
#include "harness/scenario/deadline.h"
#include "harness/scenario/facilities.h"
#include "harness/scenario/latency_floor.h"
#include "harness/scenario/name_filter.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/recording.h"
#include "harness/scenario/requirements.h"
#include "netns/cgroup.h"
#include "netns/error.h"
#include "netns/kept.h"

namespace knetlab {
namespace {

constexpr std::array<std::string_view, 4> kOutcomeNames = {"pass", "fail", "skip", "error"};

std::string Utc(std::time_t time, const char* format) {
  std::array<char, 32> text{};
  std::tm utc{};
  gmtime_r(&time, &utc);
  return {text.data(), std::strftime(text.data(), text.size(), format, &utc)};
}

std::string NewRunId(std::time_t started) {
  std::random_device random;
  return fmt::format("{}-{:08x}", Utc(started, "%Y%m%dT%H%M%SZ"), random());
}

// Part of file names: other letters than those of a namespace's name become "-".
std::string NameOfKept(std::string name, int repetition) {
  for (char& letter : name) {
    const bool allowed = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' ||
                         letter == '-' || letter == '.';
    if (!allowed) letter = '-';
  }
  return repetition > 1 ? fmt::format("{}.{}", name, repetition) : name;
}

class Suite {
 public:
  Suite(const std::vector<std::string>& paths, const RunOptions& options);
  void Run(const std::stop_token& stop);
  RunReport Report(const std::stop_token& stop);

 private:
  void Read(const std::vector<std::string>& paths);
  void StartTracer();
  void Work(const std::stop_token& stop);
  ScenarioResult RunOne(const Scenario& scenario, int repetition, std::stop_token stop);
  void Judge(ScenarioResult& result) const;
  std::string MissingFeature(const Scenario& scenario) const;
  std::string CaptureFile(const Scenario& scenario, int repetition) const;

  const RunOptions& options_;
  std::vector<Scenario> scenarios_;
  std::map<std::string, Facility> facilities_;  // those that some scenario requires
  std::shared_ptr<Tracer> tracer_;
  std::vector<LatencyResult> latency_floor_;
  std::string untraced_;  // why there is no tracer
  Environment environment_;
  struct Planned {
    const Scenario* scenario;
    int repetition;
  };
  std::vector<Planned> plan_;                           // in the order of files and repetitions
  std::vector<std::size_t> order_;                      // in which the planned ones are begun
  std::vector<std::optional<ScenarioResult>> results_;  // of each planned one
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;  // of on_result, recorder_ and done_
  std::size_t done_ = 0;
  double duration_s_ = 0;
  std::atomic<bool> failed_ = false;
  const std::time_t started_ = std::time(nullptr);
  const std::string id_ = NewRunId(started_);
  std::optional<Recorder> recorder_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

Suite::Suite(const std::vector<std::string>& paths, const RunOptions& options)
    : options_(options), environment_(ReadEnvironment()) {
  MakeRig(options.rig);  // an unknown rig is an error before anything runs
  if (options.keep && options.rig != "wire") {
    throw Error({.what = "keep labs",
                 .where = options.rig + " rig",
                 .why = "it has no namespaces to look around in",
                 .hint = "--rig wire",
                 .detail = "",
                 .code = EINVAL});
  }
  if (!options.capture_folder.empty() && options.rig != "wire") {
    throw Error({.what = "capture on the",
                 .where = options.rig + " rig",
                 .why = "packets are captured where they flow",
                 .hint = "--rig wire, or knetlab try --capture",
                 .detail = "",
                 .code = EINVAL});
  }
  Read(paths);
  if (!options.capture_folder.empty()) std::filesystem::create_directories(options.capture_folder);
  for (const Scenario& scenario : scenarios_) {
    for (const std::string& feature : scenario.requires_features) {
      if (!facilities_.contains(feature)) facilities_.emplace(feature, ProbeFacility(feature));
    }
  }
  if (options.rig == "wire") StartTracer();
  for (const Scenario& scenario : scenarios_) {
    for (int i = 1; i <= RepetitionsOf(scenario, options); i++) plan_.push_back({&scenario, i});
  }
  results_.resize(plan_.size());
  // All scenarios once, then all of them again: a machine that slows down on the way does so for all alike.
  order_.resize(plan_.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::size_t a, std::size_t b) { return plan_[a].repetition < plan_[b].repetition; });
  if (!options.store.empty()) {
    RunRecord run;
    run.id = id_;
    run.label = options.label;
    run.seed = options.seed;
    run.planned = plan_.size();
    recorder_.emplace(options.store, std::move(run), environment_, scenarios_);
  }
  if (options.on_begin) options.on_begin(scenarios_);
}

void Suite::Read(const std::vector<std::string>& paths) {
  ReadOptions reading;
  reading.features = FacilityNames();
  reading.golden_may_be_missing = options_.update_golden;
  reading.object_folders = options_.object_folders.empty() ? DefaultObjectFolders() : options_.object_folders;
  const ScenarioFilter filter(options_.filters);
  std::vector<Scenario> all;
  for (const std::string& file : FindScenarios(paths)) {
    for (Scenario& scenario : ReadScenarios(file, reading)) all.push_back(std::move(scenario));
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(scenarios_),
               [&](const Scenario& scenario) { return filter.Takes(scenario); });
  if (scenarios_.empty()) filter.ThrowNoneTaken(all);
  RequireUniqueNames(scenarios_);
}

void Suite::StartTracer() {
  try {
    tracer_ = std::make_shared<Tracer>();
    latency_floor_ = MeasureLatencyFloor(tracer_);
  } catch (const Error& error) {
    untraced_ = fmt::format("packets are counted, not followed: {}", error.what());
  }
}

std::string Suite::MissingFeature(const Scenario& scenario) const {
  for (const std::string& feature : scenario.requires_features) {
    const Facility& facility = facilities_.at(feature);
    if (!facility.works) return fmt::format("needs {} ({})", feature, facility.hint);
  }
  return "";
}

void Suite::Judge(ScenarioResult& result) const {
  result.outcome = ScenarioOutcome::kPass;
  for (const CheckResult& check : result.result.checks) {
    if (check.pass) continue;
    result.outcome = ScenarioOutcome::kFail;
    result.reason = check.message;
    result.mark = check.mark;
    return;
  }
}

std::string Suite::CaptureFile(const Scenario& scenario, int repetition) const {
  if (options_.capture_folder.empty()) return scenario.capture ? scenario.capture->file : "";
  std::string name = scenario.name;
  // A case is named "dns[port=53,path=/x]".
  std::replace(name.begin(), name.end(), '/', '_');
  if (RepetitionsOf(scenario, options_) > 1) name += fmt::format(".{}", repetition);
  return (std::filesystem::path(options_.capture_folder) / (name + ".pcapng")).string();
}

ScenarioResult Suite::RunOne(const Scenario& scenario, int repetition, std::stop_token stop) {
  ScenarioResult result;
  result.name = scenario.name;
  result.file = scenario.file;
  result.rig = options_.rig;
  result.kernel = environment_.kernel;
  result.repetition = repetition;
  result.seed = ScenarioSeed(options_.seed, scenario.name, repetition);
  result.reason = MissingFeature(scenario);
  if (!result.reason.empty()) {
    result.outcome = ScenarioOutcome::kSkip;
    return result;
  }
  auto begin = std::chrono::steady_clock::now();
  const double timeout = options_.timeout_s.value_or(scenario.timeout_s);
  Deadline deadline(std::move(stop), std::chrono::duration<double>(timeout));
  try {
    RigOptions rig{.tracer = tracer_,
                   .latency_floor = latency_floor_,
                   .seed = result.seed,
                   .update_golden = options_.update_golden};
    rig.capture_output = CaptureFile(scenario, repetition);
    if (options_.keep) {
      result.kept.name = NameOfKept(scenario.name, repetition);
      rig.keep = &result.kept;
    }
    result.result = MakeRig(options_.rig)->Run(scenario, rig, deadline.token());
    if (!untraced_.empty()) result.result.notes.push_back(untraced_);
    Judge(result);
  } catch (const Error& error) {
    result.outcome = ScenarioOutcome::kError;
    result.mark = scenario.name_mark;
    result.reason =
        deadline.expired() ? fmt::format("not done after {} s", timeout) : std::string(error.what());
  }
  if (!IsBad(result.outcome)) {
    result.kept = {};
  } else if (options_.keep && result.kept.namespaces.empty() && result.kept.problem.empty()) {
    result.kept.problem = "it could not be built";
  }
  result.duration_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

void Suite::Work(const std::stop_token& stop) {
  for (;;) {
    const std::size_t next = next_.fetch_add(1);
    const bool enough = options_.fail_fast && failed_;
    if (next >= order_.size() || stop.stop_requested() || enough) return;
    const std::size_t at = order_[next];
    ScenarioResult result = RunOne(*plan_[at].scenario, plan_[at].repetition, stop);
    if (stop.stop_requested()) {  // what an interrupt broke off is no result
      if (!result.kept.namespaces.empty()) RemoveKept(result.kept.name);
      return;
    }
    if (IsBad(result.outcome)) failed_ = true;
    std::lock_guard lock(mutex_);
    results_[at] = std::move(result);
    done_++;
    if (recorder_) recorder_->Add(*results_[at]);
    if (options_.on_result) options_.on_result(*results_[at], done_, results_.size());
  }
}

void Suite::Run(const std::stop_token& stop) {
  std::vector<std::jthread> workers;
  for (int i = 1; i < options_.jobs; i++) workers.emplace_back([this, stop] { Work(stop); });
  Work(stop);
  workers.clear();  // joins them
  duration_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  if (recorder_ && !stop.stop_requested()) recorder_->End(duration_s_);
}

RunReport Suite::Report(const std::stop_token& stop) {
  RunReport report;
  report.id = id_;
  report.started = Utc(started_, "%Y-%m-%dT%H:%M:%SZ");
  report.seed = options_.seed;
  report.planned = results_.size();
  report.interrupted = stop.stop_requested() && done_ < results_.size();
  report.environment = environment_;
  for (auto& result : results_) {
    if (result) report.scenarios.push_back(std::move(*result));
  }
  report.duration_s = duration_s_;
  if (recorder_) report.recorded = {options_.store, recorder_->number(), recorder_->failure()};
  return report;
}

}  // namespace

std::string_view OutcomeName(ScenarioOutcome outcome) {
  return kOutcomeNames.at(static_cast<std::size_t>(outcome));
}

std::size_t RunReport::Count(ScenarioOutcome outcome) const {
  return static_cast<std::size_t>(std::count_if(
      scenarios.begin(), scenarios.end(), [&](const auto& result) { return result.outcome == outcome; }));
}

int RepetitionsOf(const Scenario& scenario, const RunOptions& options) {
  return std::max(options.repeat > 0 ? options.repeat : scenario.repeat, 1);
}

bool IsBad(ScenarioOutcome outcome) {
  return outcome == ScenarioOutcome::kFail || outcome == ScenarioOutcome::kError;
}

std::uint32_t ScenarioSeed(std::uint64_t seed, const std::string& name, int repetition) {
  const std::string text = fmt::format("{}/{}/{}", seed, name, repetition);
  return static_cast<std::uint32_t>(
      std::stoul(Sha256Hex(std::as_bytes(std::span(text))).substr(0, 8), nullptr, 16));
}

bool RunReport::ok() const {
  return Count(ScenarioOutcome::kFail) == 0 && Count(ScenarioOutcome::kError) == 0;
}

RunReport RunScenarios(const std::vector<std::string>& paths, const RunOptions& options,
                       const std::stop_token& stop) {
  RequireRoot("run");
  SweepKept(false);
  SweepCgroups();
  try {
    Suite suite(paths, options);
    suite.Run(stop);
    return suite.Report(stop);
  } catch (const Error&) {
    RequireEssentials("run");  // says more than what failed first for lack of one
    throw;
  }
}

}  // namespace knetlab
