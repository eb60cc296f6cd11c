// SPDX-License-Identifier: Apache-2.0
// The capture of one run on the wire rig: which programs are made ready for it, and the file they fill while
// the steps are done.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/capture/session.h"
#include "harness/scenario/model.h"
#include "harness/scenario/wire_lab.h"

namespace knetlab {

class RunCapture {
 public:
  // An empty file: nothing is captured. Without `capture:` in the scenario everything is.
  RunCapture(std::string file, const Scenario& scenario);

  // Labels of the programs to be instrumented.
  const std::set<std::string>& Labels() const { return labels_; }
  // Throws Error, at the place in the scenario's file: a program that is named and cannot be captured, a
  // verdict that its program does not have.
  void Begin(const WireLab& lab);
  // To be called when the last packet has arrived. Adds what was captured, and what could not be, to `notes`.
  // Throws Error where the file took no more.
  void End(std::vector<std::string>& notes);

 private:
  std::vector<std::string> VerdictsOf(const Program& program) const;
  std::vector<CapturePoint> PointsOf(const WireLab& lab, const std::string& label);

  std::string file_;
  CaptureSpec spec_;
  std::set<std::string> labels_;
  std::vector<std::string> notes_;
  std::optional<CaptureSession> session_;
};

}  // namespace knetlab
