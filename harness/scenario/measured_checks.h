// SPDX-License-Identifier: Apache-2.0
// Expectations of what is measured over a whole run: latency and cost.
#pragma once

#include <vector>

#include "harness/scenario/model.h"
#include "harness/scenario/rig.h"

namespace knetlab {

// One result for each thing expected by any `expect` step. What was not measured fails.
std::vector<CheckResult> CheckMeasured(const Scenario& scenario, const RigResult& result);

}  // namespace knetlab
