// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/wire_lab.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/located_error.h"
#include "harness/scenario/step_packets.h"

namespace knetlab {
namespace {

bool IsNativeXdp(const AttachSpec& attach) {
  return attach.kind == "xdp" && attach.mode != "generic";
}

ReceiverOptions OptionsOf(const SocketSpec& spec) {
  ReceiverOptions options;
  switch (spec.kind) {
    case SocketSpec::Kind::kUdp:
      options.kind = ReceiverOptions::Kind::kUdp;
      break;
    case SocketSpec::Kind::kTcpListen:
      options.kind = ReceiverOptions::Kind::kTcpListen;
      break;
    case SocketSpec::Kind::kPacket:
      options.kind = ReceiverOptions::Kind::kPacket;
      break;
  }
  options.address = spec.address;
  options.port = spec.port;
  options.interface = spec.interface;
  options.read = spec.receive == SocketSpec::Receive::kRead;
  options.buffer_bytes = spec.buffer_bytes;
  options.reuseport = spec.reuseport;
  return options;
}

}  // namespace

WireLab::WireLab(const Scenario& scenario, const std::set<std::string>& instrumented)
    : scenario_(scenario),
      endpoints_{.ifindex = [this](const std::string& name) { return topology_->endpoint(name).ifindex; },
                 .run_in =
                     [this](const std::string& name, const std::function<void()>& work) {
                       topology_->ns(topology_->endpoint(name).ns).Run(work);
                     },
                 .socket = [this](const std::string& label) { return sockets_.at(label)->fd(); }} {
  ReadCaptures();
  BuildTopology();
  MakeCgroups();
  OpenSockets();  // maps may hold them
  programs_.emplace(scenario_.programs, endpoints_, LabelsThatNeedFrags(), instrumented,
                    scenario_.capture ? scenario_.capture->method : "");
  AttachPrograms();
}

void WireLab::ReadCaptures() {
  for (const Step& step : scenario_.steps) {
    const auto* replay = std::get_if<ReplayStep>(&step.what);
    if (replay == nullptr) continue;
    WithMark(step.mark, [&] {
      Capture capture = PacketsOf(*replay);
      for (const Packet& packet : capture.packets)
        largest_frame_ = std::max(largest_frame_, packet.bytes.size());
      if (!capture.notice.empty()) notes_.push_back(capture.path + ": " + capture.notice);
      captures_.emplace(replay, std::move(capture));
    });
  }
}

void WireLab::BuildTopology() {
  TopologySpec spec = scenario_.topology;
  std::vector<std::string> notes = FitMtu(spec, largest_frame_);
  notes_.insert(notes_.end(), notes.begin(), notes.end());
  topology_.emplace(Topology::Build(spec));
}

std::set<std::string> WireLab::LabelsThatNeedFrags() const {
  std::set<std::string> labels;
  for (const ProgramSpec& program : scenario_.programs) {
    for (const AttachSpec& attach : program.attach) {
      if (IsNativeXdp(attach) && topology_->endpoint(attach.target).mtu > kMaxMtuWithoutFrags)
        labels.insert(program.label);
    }
  }
  return labels;
}

void WireLab::MakeCgroups() {
  for (const ProgramSpec& program : scenario_.programs) {
    for (const AttachSpec& attach : program.attach) {
      if (AttacherFor(attach.kind).target == AttachTarget::kCgroup)
        WithMark(attach.mark, [&] { cgroups_.try_emplace(attach.target, attach.target); });
    }
  }
}

const Cgroup* WireLab::cgroup(const std::string& ns) const {
  const auto found = cgroups_.find(ns);
  return found == cgroups_.end() ? nullptr : &found->second;
}

void WireLab::OpenSockets() {
  for (const SocketSpec& spec : scenario_.sockets) {
    WithMark(spec.mark, [&] {
      ReceiverOptions options = OptionsOf(spec);
      options.cgroup = cgroup(spec.ns);
      sockets_[spec.label] = std::make_unique<Receiver>(topology_->ns(spec.ns), options, spec.label);
    });
  }
}

void WireLab::AttachPrograms() {
  std::vector<std::string> native;
  for (const auto& loaded : programs_->all()) {
    for (const AttachSpec& spec : loaded->spec->attach) {
      std::string mode;
      WithMark(spec.mark, [&] { mode = Attach(*loaded, spec); });
      if (mode == "xdp native") native.push_back(spec.target);
      if (mode == "xdp native" && topology_->endpoint(spec.target).mtu > kMaxMtuWithoutFrags) {
        notes_.push_back(fmt::format("{} loaded with the frags flag, for MTU {} on {}", loaded->spec->label,
                                     topology_->endpoint(spec.target).mtu, spec.target));
      }
    }
  }
  if (!scenario_.care) return;
  care_.emplace(*topology_, native);
  notes_.insert(notes_.end(), care_->notes().begin(), care_->notes().end());
}

void WireLab::Keep(KeptLab& kept) {
  std::vector<int> held = care_->descriptors();
  for (const auto& attachment : attachments_) {
    if (const int fd = attachment->Leave(); fd >= 0) held.push_back(fd);
  }
  for (const auto& [label, receiver] : sockets_) held.push_back(receiver->fd());
  try {
    topology_->Keep(kept.name, true, held);
  } catch (const Error& error) {
    kept.problem = error.what();
    return;
  }
  for (const NamespaceSpec& ns : topology_->spec().namespaces)
    kept.namespaces.push_back(fmt::format("{}-{}", kept.name, ns.name));
}

std::string WireLab::Attach(const LoadedProgram& loaded, const AttachSpec& spec) {
  AttachPoint point;
  point.mode = spec.mode;
  HookedProgram hook;
  hook.endpoint = spec.target;
  hook.hook = spec.kind;
  hook.program = loaded.spec->label;
  const Attacher& attacher = AttacherFor(spec.kind);
  if (attacher.target == AttachTarget::kMap) {
    const std::size_t dot = spec.target.find('.');
    point.map_fd = programs_->at(spec.target.substr(0, dot)).object.map(spec.target.substr(dot + 1)).fd();
  } else if (attacher.target == AttachTarget::kCgroup) {
    point.cgroup_fd = cgroup(spec.target)->fd();
  } else if (attacher.target == AttachTarget::kNamespace) {
    point.ns = &topology_->ns(spec.target);
  } else if (attacher.target == AttachTarget::kSocket) {
    const Receiver& receiver = *sockets_.at(spec.target);
    auto declared = std::find_if(scenario_.sockets.begin(), scenario_.sockets.end(),
                                 [&](const SocketSpec& socket) { return socket.label == spec.target; });
    point.socket_fd = receiver.fd();
    hook.endpoint = declared->ns;
    if (declared->kind == SocketSpec::Kind::kPacket) hook.socket_cookie = receiver.cookie();
  } else {
    const EndpointInfo& endpoint = topology_->endpoint(spec.target);
    point.ns = &topology_->ns(endpoint.ns);
    point.interface = endpoint.interface;
  }
  attachments_.push_back(attacher.attach(*loaded.program, point));
  hook.mode = attachments_.back()->Mode();
  if (attacher.has_verdicts) hooks_.push_back(hook);
  return hook.mode;
}

}  // namespace knetlab
