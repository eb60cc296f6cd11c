// SPDX-License-Identifier: Apache-2.0
// What `knetlab filter` shows to people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/scenario/filter_check.h"
#include "harness/scenario/filter_forms.h"

namespace knetlab {

struct FilterLook {
  bool colour = false;
  std::size_t width = 120;  // listings stand side by side where they fit
};

// One filter: classic BPF, and eBPF for the hook. Throws Error as CompileFor() does.
std::string FilterReport(const Filter& filter, const FilterOutput& output, const FilterLook& look);
// Sizes of many.
std::string FilterStatsReport(const std::vector<FilterStats>& filters, const FilterLook& look);
std::string FilterCheckReport(const FilterCheckResult& result, const FilterLook& look);

}  // namespace knetlab
