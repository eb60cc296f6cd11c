// SPDX-License-Identifier: Apache-2.0
// The lines of `knetlab run`: one as each scenario ends, and the summary.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/scenario/runner.h"

namespace knetlab {

struct RunLook {
  bool colour = false;
  std::size_t name_width = 0;  // of the longest name
};

// The line of a scenario, with what failed below it.
std::string ScenarioLine(const ScenarioResult& result, const RunLook& look);
// "14 passed, 1 failed, 1 skipped in 3.1 s"
std::string RunSummary(const RunReport& report, bool colour);

}  // namespace knetlab
