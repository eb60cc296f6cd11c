// SPDX-License-Identifier: Apache-2.0
// Runs scenario suites: each scenario in its own namespaces with a deadline, several at once where asked.
//
//   RunReport report = RunScenarios({"scenarios/smoke"}, {.jobs = 2});
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "harness/scenario/environment.h"
#include "harness/scenario/rig.h"

namespace knetlab {

enum class ScenarioOutcome { kPass, kFail, kSkip, kError };
std::string_view OutcomeName(ScenarioOutcome outcome);  // "pass" ...

struct ScenarioResult {
  std::string name, file, rig, kernel;
  int repetition = 1;
  ScenarioOutcome outcome = ScenarioOutcome::kError;
  std::string reason;  // of a skip or an error; the first failed check
  Mark mark;           // the line to look at, of a failure or an error
  double duration_s = 0;
  RigResult result;  // as far as it got
};

struct RunOptions {
  std::string rig = "wire";
  int jobs = 1;
  int repeat = 1;
  std::optional<double> timeout_s;          // instead of the scenarios' own
  std::string filter;                       // only scenarios whose name contains it; empty: all
  std::vector<std::string> object_folders;  // empty: DefaultObjectFolders()
  // Called once, when all are read and before the first runs.
  std::function<void(const std::vector<Scenario>& suite)> on_begin;
  // Called as each ends, from the threads that run them, one at a time.
  std::function<void(const ScenarioResult&, std::size_t done, std::size_t total)> on_result;
};

struct RunReport {
  std::string id;  // unique: time and random bits
  Environment environment;
  std::vector<ScenarioResult> scenarios;  // in the order of files and repetitions, whatever ended first
  double duration_s = 0;
  std::size_t Count(ScenarioOutcome outcome) const;
  bool ok() const;  // nothing failed and nothing had an error
};

// Needs root. Validates everything first: throws Error, and nothing was run, where a scenario is wrong.
// `stop` ends it early: scenarios that did not run are left out.
RunReport RunScenarios(const std::vector<std::string>& paths, const RunOptions& options,
                       const std::stop_token& stop = {});

}  // namespace knetlab
