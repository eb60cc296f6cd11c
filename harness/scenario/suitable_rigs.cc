// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/suitable_rigs.h"

#include <algorithm>

namespace knetlab {
namespace {

bool NeedsSockets(const ProgramSpec& program) {
  return std::any_of(program.attach.begin(), program.attach.end(),
                     [](const AttachSpec& attach) { return attach.kind == "socket"; });
}

// What needs devices, namespaces or sockets.
struct NeedsWire {
  bool operator()(const ReplayStep& step) const {
    return !step.source_mac_of.empty() || !step.destination_mac_of.empty();
  }
  bool operator()(const MapStep&) const { return false; }
  bool operator()(const ExecStep&) const { return true; }
  bool operator()(const ExpectStep& step) const {
    // On the unit rig nothing gets lost.
    return std::any_of(step.ledger.begin(), step.ledger.end(), [](const LedgerCheck& check) {
      return check.fate == Fate::kDelivered || (check.fate == Fate::kLost && !check.number.Holds(0));
    });
  }
};

}  // namespace

std::vector<std::string> SuitableRigs(const Scenario& scenario) {
  std::vector<std::string> rigs;
  const bool needs_wire = std::any_of(scenario.programs.begin(), scenario.programs.end(), NeedsSockets) ||
                          std::any_of(scenario.steps.begin(), scenario.steps.end(),
                                      [](const Step& step) { return std::visit(NeedsWire(), step.what); });
  if (!needs_wire && !scenario.programs.empty()) rigs.emplace_back("unit");
  if (!scenario.topology.namespaces.empty()) rigs.emplace_back("wire");
  return rigs;
}

}  // namespace knetlab
