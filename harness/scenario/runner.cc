// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "harness/scenario/deadline.h"
#include "harness/scenario/facilities.h"
#include "harness/scenario/latency_floor.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/requirements.h"
#include "netns/error.h"
#include "netns/kept.h"

namespace knetlab {
namespace {

constexpr std::array<std::string_view, 4> kOutcomeNames = {"pass", "fail", "skip", "error"};

std::string NewRunId() {
  std::random_device random;
  std::array<char, 32> stamp{};
  std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::size_t size = std::strftime(stamp.data(), stamp.size(), "%Y%m%dT%H%M%SZ", &utc);
  return fmt::format("{}-{:08x}", std::string_view(stamp.data(), size), random());
}

class Suite {
 public:
  Suite(const std::vector<std::string>& paths, const RunOptions& options);
  void Run(const std::stop_token& stop);
  RunReport Report();

 private:
  void StartTracer();
  void Work(const std::stop_token& stop);
  ScenarioResult RunOne(const Scenario& scenario, int repetition, std::stop_token stop);
  void Judge(ScenarioResult& result) const;
  std::string MissingFeature(const Scenario& scenario) const;

  const RunOptions& options_;
  std::vector<Scenario> scenarios_;
  std::map<std::string, Facility> facilities_;  // those that some scenario requires
  std::shared_ptr<Tracer> tracer_;
  std::vector<LatencyResult> latency_floor_;
  std::string untraced_;  // why there is no tracer
  Environment environment_;
  std::vector<std::optional<ScenarioResult>> results_;  // scenario-major, by repetition
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;  // of on_result and done_
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

Suite::Suite(const std::vector<std::string>& paths, const RunOptions& options)
    : options_(options), environment_(ReadEnvironment()) {
  ReadOptions reading;
  reading.features = FacilityNames();
  reading.object_folders = options.object_folders.empty() ? DefaultObjectFolders() : options.object_folders;
  for (const std::string& file : FindScenarios(paths)) {
    for (Scenario& scenario : ReadScenarios(file, reading)) {
      if (scenario.name.find(options.filter) == std::string::npos) continue;
      for (const std::string& feature : scenario.requires_features) {
        if (!facilities_.contains(feature)) facilities_.emplace(feature, ProbeFacility(feature));
      }
      scenarios_.push_back(std::move(scenario));
    }
  }
  if (scenarios_.empty()) {
    throw Error({.what = "run",
                 .where = "",
                 .why = "no scenario has a name with \"" + options.filter + "\" in it",
                 .hint = "knetlab list shows the names",
                 .detail = "",
                 .code = ENOENT});
  }
  RequireUniqueNames(scenarios_);
  MakeRig(options.rig);  // an unknown rig is an error before anything runs
  if (options.rig == "wire") StartTracer();
  results_.resize(scenarios_.size() * static_cast<std::size_t>(std::max(options.repeat, 1)));
  if (options.on_begin) options.on_begin(scenarios_);
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

ScenarioResult Suite::RunOne(const Scenario& scenario, int repetition, std::stop_token stop) {
  ScenarioResult result;
  result.name = scenario.name;
  result.file = scenario.file;
  result.rig = options_.rig;
  result.kernel = environment_.kernel;
  result.repetition = repetition;
  result.reason = MissingFeature(scenario);
  if (!result.reason.empty()) {
    result.outcome = ScenarioOutcome::kSkip;
    return result;
  }
  auto begin = std::chrono::steady_clock::now();
  const double timeout = options_.timeout_s.value_or(scenario.timeout_s);
  Deadline deadline(std::move(stop), std::chrono::duration<double>(timeout));
  try {
    result.result =
        MakeRig(options_.rig)
            ->Run(scenario, {.tracer = tracer_, .latency_floor = latency_floor_}, deadline.token());
    if (!untraced_.empty()) result.result.notes.push_back(untraced_);
    Judge(result);
  } catch (const Error& error) {
    result.outcome = ScenarioOutcome::kError;
    result.mark = scenario.name_mark;
    result.reason =
        deadline.expired() ? fmt::format("not done after {} s", timeout) : std::string(error.what());
  }
  result.duration_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

void Suite::Work(const std::stop_token& stop) {
  const auto repeat = static_cast<std::size_t>(std::max(options_.repeat, 1));
  for (;;) {
    std::size_t at = next_.fetch_add(1);
    if (at >= results_.size() || stop.stop_requested()) return;
    ScenarioResult result = RunOne(scenarios_[at / repeat], static_cast<int>(at % repeat) + 1, stop);
    if (stop.stop_requested()) return;  // what an interrupt broke off is no result
    std::lock_guard lock(mutex_);
    results_[at] = std::move(result);
    done_++;
    if (options_.on_result) options_.on_result(*results_[at], done_, results_.size());
  }
}

void Suite::Run(const std::stop_token& stop) {
  std::vector<std::jthread> workers;
  for (int i = 1; i < options_.jobs; i++) workers.emplace_back([this, stop] { Work(stop); });
  Work(stop);
}

RunReport Suite::Report() {
  RunReport report;
  report.id = NewRunId();
  report.environment = environment_;
  for (auto& result : results_) {
    if (result) report.scenarios.push_back(std::move(*result));
  }
  report.duration_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
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

bool RunReport::ok() const {
  return Count(ScenarioOutcome::kFail) == 0 && Count(ScenarioOutcome::kError) == 0;
}

RunReport RunScenarios(const std::vector<std::string>& paths, const RunOptions& options,
                       const std::stop_token& stop) {
  RequireRoot("run");
  SweepKept(false);
  try {
    Suite suite(paths, options);
    suite.Run(stop);
    return suite.Report();
  } catch (const Error&) {
    RequireEssentials("run");  // says more than what failed first for lack of one
    throw;
  }
}

}  // namespace knetlab
