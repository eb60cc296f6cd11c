// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/suitable_rigs.h"

#include <algorithm>

#include "harness/program/attach.h"
#include "harness/scenario/seen_packets.h"

namespace knetlab {
namespace {

bool NeedsSockets(const ProgramSpec& program) {
  return std::any_of(program.attach.begin(), program.attach.end(), [](const AttachSpec& attach) {
    return AttacherFor(attach.kind).target == AttachTarget::kSocket || !AttacherFor(attach.kind).has_verdicts;
  });
}

// What needs devices, namespaces or sockets.
struct NeedsWire {
  const Scenario& scenario;
  bool operator()(const ReplayStep& step) const {
    return !step.source_mac_of.empty() || !step.destination_mac_of.empty();
  }
  bool operator()(const MapStep&) const { return false; }
  bool operator()(const ExecStep&) const { return true; }
  bool operator()(const ExpectStep& step) const {
    // On the unit rig nothing gets lost.
    return !step.latency.empty() ||
           std::any_of(step.ledger.begin(), step.ledger.end(),
                       [](const LedgerCheck& check) {
                         return check.fate == Fate::kDelivered ||
                                (check.fate == Fate::kLost && !check.number.Holds(0));
                       }) ||
           std::any_of(step.packets.begin(), step.packets.end(),
                       [&](const PacketsCheck& check) { return !WhyUnitCannotSee(scenario, check).empty(); });
  }
};

// What comes out of a program, which no tap sees.
bool NeedsUnit(const Step& step) {
  const auto* expect = std::get_if<ExpectStep>(&step.what);
  return expect != nullptr && std::any_of(expect->packets.begin(), expect->packets.end(),
                                          [](const PacketsCheck& check) { return check.at.empty(); });
}

}  // namespace

std::vector<std::string> SuitableRigs(const Scenario& scenario) {
  std::vector<std::string> rigs;
  const bool needs_wire = std::any_of(scenario.programs.begin(), scenario.programs.end(), NeedsSockets) ||
                          std::any_of(scenario.steps.begin(), scenario.steps.end(), [&](const Step& step) {
                            return std::visit(NeedsWire{scenario}, step.what);
                          });
  if (!needs_wire && !scenario.programs.empty()) rigs.emplace_back("unit");
  const bool needs_unit = std::any_of(scenario.steps.begin(), scenario.steps.end(), NeedsUnit);
  if (!needs_unit && !scenario.topology.namespaces.empty()) rigs.emplace_back("wire");
  return rigs;
}

}  // namespace knetlab
