// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/latency.h"

#include <algorithm>
#include <utility>

namespace knetlab {

LatencyResult LatencyResultOf(std::string place, const Histogram& ns) {
  return {.place = std::move(place),
          .count = ns.count(),
          .p50_ns = ns.ValueAt(0.5),
          .p90_ns = ns.ValueAt(0.9),
          .p99_ns = ns.ValueAt(0.99),
          .p999_ns = ns.ValueAt(0.999),
          .max_ns = ns.max()};
}

void LatencyByPlace::Add(const std::vector<PlaceLatency>& phase) {
  for (const PlaceLatency& added : phase) {
    auto known = std::find_if(places_.begin(), places_.end(),
                              [&](const PlaceLatency& place) { return place.place == added.place; });
    if (known == places_.end()) {
      places_.push_back(added);
    } else {
      known->ns.Merge(added.ns);
    }
  }
}

std::vector<LatencyResult> LatencyByPlace::Results() const {
  std::vector<LatencyResult> results;
  for (const PlaceLatency& place : places_) results.push_back(LatencyResultOf(place.place, place.ns));
  return results;
}

}  // namespace knetlab
