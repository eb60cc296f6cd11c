// SPDX-License-Identifier: Apache-2.0
// What programs cost where they are attached: the scenario's packets once more, round after round, without
// tracing, timed by the kernel's own run statistics. All programs of a scenario are measured in the same
// rounds. docs/measure.md has the protocol.
#pragma once

#include <functional>
#include <vector>

#include "harness/scenario/loaded_programs.h"
#include "harness/scenario/rig.h"

namespace knetlab {

// `send_all` sends all of the scenario's packets once; what it throws goes on to the caller. Sends one round,
// and more as long as they fit some 60 ms. A program that no packet reached has no cost. Throws Error.
std::vector<CostResult> MeasureWireCosts(const LoadedPrograms& programs,
                                         const std::function<void()>& send_all);

}  // namespace knetlab
