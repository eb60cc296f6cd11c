// SPDX-License-Identifier: Apache-2.0
// Points of a program that was loaded with LoadOptions::instrument: every verdict of a program that knows
// nothing of captures, and the packet as it came.
//
//   for (const CapturePoint& point : InstrumentedPoints("server:eth0 xdp filter", program, {}))
//   session.Add(point);
//
// XDP, TC, socket filter and cgroup_skb. The placements may outlive the program.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/capture_point.h"
#include "harness/program/object.h"

namespace knetlab {

struct InstrumentedOptions {
  // "XDP_DROP", "drop"; of TC "drop" is TC_ACT_SHOT and "pass" TC_ACT_OK. Empty: all.
  std::vector<std::string> verdicts = {};
  bool entry = false;  // the packet before the program, too, under the verdict "before"
};

// Throws Error: the program is not instrumented (and why), is of another type, has no such verdict.
std::vector<CapturePoint> InstrumentedPoints(const std::string& hook, const Program& program,
                                             const InstrumentedOptions& options);

// Whether programs of a type decide about packets that can be captured.
bool CanCapture(bpf_prog_type type);
// False also where it is not instrumented.
bool HasVerdict(const Program& program, const std::string& verdict);

}  // namespace knetlab
