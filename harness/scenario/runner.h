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
#include "netns/error.h"

namespace knetlab {

enum class ScenarioOutcome { kPass, kFail, kSkip, kError };
std::string_view OutcomeName(ScenarioOutcome outcome);  // "pass" ...
bool IsBad(ScenarioOutcome outcome);                    // failed or had an error

struct ScenarioResult {
  std::string name, file, rig, kernel;
  int repetition = 1;
  std::uint32_t seed = 0;  // of this repetition (ScenarioSeed)
  ScenarioOutcome outcome = ScenarioOutcome::kError;
  std::string reason;  // of a skip or an error; the first failed check
  Mark mark;           // the line to look at, of a failure or an error
  double duration_s = 0;
  RigResult result;  // as far as it got
  KeptLab kept;      // where RunOptions::keep, of one that failed
};

struct RunOptions {
  std::string rig = "wire";
  int jobs = 1;
  int repeat = 0;                    // how often each runs; 0: as often as it says itself
  std::optional<double> timeout_s;   // instead of the scenarios' own
  std::vector<std::string> filters;  // filter.h; empty: all scenarios
  std::uint64_t seed = 1;            // of everything random; see ScenarioSeed
  bool fail_fast = false;            // start no other scenario after the first that failed
  bool keep = false;                 // the labs of scenarios that failed, until they are taken down
  std::string store;  // records go into this file as each scenario ends (results/store.h); empty: nowhere
  std::string label;  // of the run in the store
  std::vector<std::string> object_folders;  // empty: DefaultObjectFolders()
  bool update_golden = false;               // RigOptions::update_golden
  // Captures go here, NAME.pcapng or NAME.REPETITION.pcapng of each scenario; a scenario without `capture:`
  // captures everything. Empty: `capture:` goes to its own file, other scenarios capture nothing.
  std::string capture_folder{};
  // Called once, when all are read and before the first runs.
  std::function<void(const std::vector<Scenario>& suite)> on_begin;
  // Called as each ends, from the threads that run them, one at a time.
  std::function<void(const ScenarioResult&, std::size_t done, std::size_t total)> on_result;
};

// Where the results were recorded.
struct Recorded {
  std::string store;
  std::int64_t number = 0;       // of the run in it
  std::optional<Error> failure;  // the first record that could not be written; the report has it all the same
};

struct RunReport {
  std::string id;       // unique: time and random bits
  std::string started;  // "2026-11-22T21:03:00Z"
  std::uint64_t seed = 0;
  std::size_t planned = 0;   // scenarios times repetitions, also those that did not run
  bool interrupted = false;  // by `stop`, before all were done
  Environment environment;
  std::vector<ScenarioResult> scenarios;  // in the order of files and repetitions, whatever ended first
  double duration_s = 0;
  std::optional<Recorded> recorded;  // where RunOptions::store
  std::size_t Count(ScenarioOutcome outcome) const;
  bool ok() const;  // nothing failed and nothing had an error
};

// How often a scenario runs.
int RepetitionsOf(const Scenario& scenario, const RunOptions& options);

// The seed of one repetition of a scenario: the first 8 hex digits of SHA-256 over "SEED/NAME/REPETITION", so
// that it does not depend on what else runs. Commands of `exec` steps have it as KNETLAB_SEED.
std::uint32_t ScenarioSeed(std::uint64_t seed, const std::string& name, int repetition);

// Needs root. Validates everything first: throws Error, and nothing was run, where a scenario is wrong or the
// store cannot be opened.
// `stop` ends it early: the report has what had ended until then.
RunReport RunScenarios(const std::vector<std::string>& paths, const RunOptions& options,
                       const std::stop_token& stop = {});

}  // namespace knetlab
