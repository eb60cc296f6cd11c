// SPDX-License-Identifier: Apache-2.0
// How a metric went from run to run.
//
//   std::vector<TrendSeries> series = TrendOf(store, "cost.filter", "xdp-drop-dns");
//   std::string picture = TrendSvg("cost.filter", series);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "results/store.h"

namespace knetlab {

struct TrendPoint {
  std::int64_t run = 0;  // number in the store
  std::int64_t started_ns = 0;
  std::string label, revision;
  double low = 0, median = 0, high = 0;  // over the repetitions
  std::size_t samples = 0;
};

struct TrendSeries {
  std::string scenario, rig, kernel, unit;
  std::vector<TrendPoint> points;  // the oldest run first
};

// One series for each scenario, rig and kernel that has the metric; of all scenarios where `scenario` is
// empty. Throws Error where there is none, with the nearest name of a metric that there is.
std::vector<TrendSeries> TrendOf(Store& store, const std::string& metric, const std::string& scenario);

// Self-contained: no script, no style sheet, no font of its own; text of others is escaped.
std::string TrendSvg(const std::string& metric, const std::vector<TrendSeries>& series);

}  // namespace knetlab
