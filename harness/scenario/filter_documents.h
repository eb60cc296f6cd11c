// SPDX-License-Identifier: Apache-2.0
// The documents of `knetlab filter` ("knetlab.filter/1"), the same for the command and the bindings.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "harness/scenario/filter_check.h"
#include "harness/scenario/filter_forms.h"

namespace knetlab {

nlohmann::ordered_json FilterStatsDocument(const std::vector<FilterStats>& filters);
// Of one filter with its listings: classic BPF, and eBPF for the hook where that takes it.
nlohmann::ordered_json FilterDocument(const Filter& filter, const FilterOutput& output);
nlohmann::ordered_json FilterCheckDocument(const FilterCheckResult& result);

}  // namespace knetlab
