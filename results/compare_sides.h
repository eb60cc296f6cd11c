// SPDX-License-Identifier: Apache-2.0
// The two sides of a comparison, brought into a form in which they can be laid beside each other.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "results/compare.h"
#include "results/record.h"

namespace knetlab {

struct Series {
  std::string unit;
  MetricKind kind = MetricKind::kExact;
  std::vector<double> values;  // one a repetition, in the order of time
};

// All executions of one scenario on one side.
struct Group {
  std::string scenario, rig, kernel;
  std::size_t ran = 0;      // passed, failed or had an error
  std::string skip_reason;  // of the last that was skipped
  std::map<std::string, Series> metrics;
  std::set<std::string> scenario_hashes;
  std::map<std::string, std::set<std::string>> program_hashes, capture_hashes;
};

using GroupKey = std::tuple<std::string, std::string, std::string>;  // scenario, rig, kernel

struct Side {
  std::vector<GroupKey> order;  // as they first ran
  std::map<GroupKey, Group> groups;
};

struct Sides {
  Side before, after;
  bool alternate = false;  // the runs of the two sides took turns
};

// Throws Error where the environments differ in what `across` does not name.
void RequireSameEnvironment(const std::vector<RunData>& before, const std::vector<RunData>& after,
                            const std::set<std::string>& across);

Sides ArrangeSides(const std::vector<RunData>& before, const std::vector<RunData>& after,
                   const std::set<std::string>& across);

// A count that is not there is 0: a ledger has no entries of what did not happen.
bool IsCount(const std::string& metric);

}  // namespace knetlab
