// SPDX-License-Identifier: Apache-2.0
// The latency of a run, place by place, over all its phases: what the accounts give, as results.
// docs/measure.md says what is in it.
#pragma once

#include <string>
#include <vector>

#include "harness/measure/account.h"
#include "harness/scenario/rig.h"

namespace knetlab {

LatencyResult LatencyResultOf(std::string place, const Histogram& ns);

class LatencyByPlace {
 public:
  void Add(const std::vector<PlaceLatency>& phase);
  std::vector<LatencyResult> Results() const;  // in the order in which places came

 private:
  std::vector<PlaceLatency> places_;
};

}  // namespace knetlab
