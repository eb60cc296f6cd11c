// SPDX-License-Identifier: Apache-2.0
// The lab of one run on the wire rig: everything a scenario declares, built, loaded, attached and listening.
// Built as one, gone as one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/measure/account.h"
#include "harness/program/attach.h"
#include "harness/scenario/lab_care.h"
#include "harness/scenario/loaded_programs.h"
#include "harness/scenario/model.h"
#include "harness/scenario/rig.h"
#include "harness/traffic/capture_file.h"
#include "harness/traffic/receiver.h"
#include "netns/cgroup.h"
#include "netns/topology.h"

namespace knetlab {

class WireLab {
 public:
  // `instrumented`: labels of programs to make ready for capture. Throws Error, at the place in the file that
  // could not be made.
  explicit WireLab(const Scenario& scenario, const std::set<std::string>& instrumented = {});

  const Topology& topology() const { return *topology_; }
  const LoadedPrograms& programs() const { return *programs_; }
  const std::vector<HookedProgram>& hooks() const { return hooks_; }
  const EndpointAccess& endpoints() const { return endpoints_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // The capture of a replay step; each file is read once.
  const Capture& capture(const ReplayStep& step) const { return captures_.at(&step); }
  // Lets it stay, with its programs attached and its sockets open, until `knetlab topology down`.
  void Keep(KeptLab& kept);
  // Where the sockets and commands of a namespace are, if programs are attached to that; else nullptr.
  const Cgroup* cgroup(const std::string& ns) const;

 private:
  void ReadCaptures();
  void BuildTopology();
  std::set<std::string> LabelsThatNeedFrags() const;
  void MakeCgroups();
  void OpenSockets();
  void AttachPrograms();
  std::string Attach(const LoadedProgram& loaded, const AttachSpec& spec);  // how it was attached

  const Scenario& scenario_;
  std::vector<std::string> notes_;
  std::map<const ReplayStep*, Capture> captures_;
  std::size_t largest_frame_ = 0;
  std::optional<Topology> topology_;
  std::map<std::string, Cgroup> cgroups_;  // by namespace
  EndpointAccess endpoints_;
  std::optional<LoadedPrograms> programs_;
  std::map<std::string, std::unique_ptr<Receiver>> sockets_;
  std::vector<std::unique_ptr<Attachment>> attachments_;
  std::optional<LabCare> care_;
  std::vector<HookedProgram> hooks_;
};

}  // namespace knetlab
