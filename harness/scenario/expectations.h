// SPDX-License-Identifier: Apache-2.0
// Compares what was expected with what happened.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/scenario/loaded_programs.h"
#include "harness/scenario/rig.h"

namespace knetlab {

using VerdictCounts =
    std::map<std::string, std::map<std::string, std::uint64_t>>;  // label -> verdict -> packets

// One result for each thing expected. The ledger must balance, and nothing may be lost that is not expected
// to be, whether that is written or not.
std::vector<CheckResult> CheckLedger(const std::vector<LedgerCheck>& checks, const Ledger& ledger,
                                     const Mark& mark);
std::vector<CheckResult> CheckVerdicts(const std::vector<VerdictCheck>& checks,
                                       const VerdictCounts& verdicts);
// Reads each key of `step.read` and compares. Per-CPU maps: the sum over CPUs.
std::vector<CheckResult> CheckMap(const MapStep& step, const LoadedPrograms& programs,
                                  const EndpointAccess& endpoints, const Mark& mark);
void WriteMap(const MapStep& step, const LoadedPrograms& programs, const EndpointAccess& endpoints);

}  // namespace knetlab
