// SPDX-License-Identifier: Apache-2.0
// The JSON documents of `knetlab results` (docs/results.md), made here so that the command and the bindings
// give the same.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "results/compare.h"
#include "results/merge.h"
#include "results/store.h"
#include "results/trend.h"

namespace knetlab {

nlohmann::ordered_json ResultsListDocument(const std::vector<StoredRun>& runs);
nlohmann::ordered_json CompareDocument(const std::vector<StoredRun>& runs,
                                       const std::vector<StoredRun>& baseline, const Comparison& comparison);
nlohmann::ordered_json MergeDocument(const std::string& store, const MergeResult& result);
nlohmann::ordered_json BaselinesDocument(const std::vector<Baseline>& baselines);
nlohmann::ordered_json TrendDocument(const std::string& metric, const std::vector<TrendSeries>& series);

}  // namespace knetlab
