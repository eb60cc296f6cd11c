// SPDX-License-Identifier: Apache-2.0
// Turns what the runner finds into records of a store (results/), each as it ends, so that a run that is
// killed loses nothing of what it had finished.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "harness/scenario/environment.h"
#include "harness/scenario/model.h"
#include "netns/error.h"
#include "results/record.h"
#include "results/store.h"

namespace knetlab {

struct ScenarioResult;

// The samples of one execution: what comparisons compare. None of a skipped one.
std::vector<Sample> SamplesOf(const ScenarioResult& result);

class Recorder {
 public:
  // Opens the store, writes the run, and notes what the scenarios are made of (hashes of their files). Throws
  // Error, and then nothing was written.
  // The run's id, label, seed and plan are the caller's; the rest of its record is made here.
  Recorder(const std::string& store, RunRecord run, const Environment& environment,
           const std::vector<Scenario>& suite);

  // Never throw: a store that cannot be written any more must not cost the results. The first failure is
  // kept.
  void Add(const ScenarioResult& result) noexcept;
  void End(double duration_s) noexcept;

  std::int64_t number() const { return number_; }  // of the run in the store
  const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Inputs {
    std::string scenario;
    std::map<std::string, std::string> programs, captures;
  };
  template <typename Write>
  void Guarded(Write write) noexcept;

  Store store_;
  std::string run_;
  std::map<std::string, Inputs> inputs_;  // by the scenario's name
  std::int64_t number_ = 0;
  std::size_t written_ = 0;
  std::optional<Error> failure_;
};

// The document of `knetlab run --json` from the store.
nlohmann::ordered_json StoredRunDocument(Store& store, const StoredRun& run);

}  // namespace knetlab
