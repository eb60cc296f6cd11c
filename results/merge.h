// SPDX-License-Identifier: Apache-2.0
// Puts records of other stores and JSON-lines files into a store: of the machines of a CI job, of colleagues.
// A record that is there already is recognised by its id and not written again, so merging twice changes
// nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "results/store.h"

namespace knetlab {

struct MergeResult {
  std::size_t runs = 0, scenarios = 0;    // new ones
  std::size_t known = 0;                  // records that were there already
  std::vector<std::string> incomplete{};  // why a file was not read to its end; only where salvage is wanted
};

// All of the files, or none: Error. `salvage`: of a file that ends in the middle, what is whole.
MergeResult MergeFiles(Store& store, const std::vector<std::string>& paths, bool salvage);

// Each record of a run, in the order in which another store can take them.
std::vector<Record> RecordsOf(Store& store, const StoredRun& run);

}  // namespace knetlab
