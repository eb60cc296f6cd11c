// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/try.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "harness/measure/cost.h"
#include "harness/program/attach.h"
#include "harness/program/sha256.h"
#include "harness/program/verdict.h"
#include "harness/scenario/loaded_programs.h"
#include "harness/scenario/requirements.h"
#include "harness/scenario/try_capture.h"
#include "harness/scenario/unit_rig.h"
#include "harness/traffic/capture_file.h"
#include "harness/traffic/packet_summary.h"
#include "netns/error.h"
#include "netns/kept.h"

namespace knetlab {
namespace {

constexpr const char* kServer = "server:eth0";

// A client, the server with the program, and a sink behind the server's second link: whoever redirects has
// somewhere to.
Scenario TryScenario(const TryOptions& options, const ProgramInfo& chosen, const std::string& hook) {
  Scenario scenario;
  scenario.name = "try";
  TopologySpec& topology = scenario.topology;
  topology.namespaces = {
      {.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}, {.name = "sink", .sysctls = {}}};
  auto link = [](std::string ns, std::string interface, const char* address, std::string peer_ns,
                 std::string peer_interface, const char* peer_address) {
    LinkSpec spec;
    spec.ends[0].ns = std::move(ns);
    spec.ends[0].interface = std::move(interface);
    spec.ends[0].addresses = {IpPrefix::Parse(address)};
    spec.ends[1].ns = std::move(peer_ns);
    spec.ends[1].interface = std::move(peer_interface);
    spec.ends[1].addresses = {IpPrefix::Parse(peer_address)};
    return spec;
  };
  topology.links = {link("client", "eth0", "10.0.0.1/24", "server", "eth0", "10.0.0.2/24"),
                    link("server", "eth1", "10.0.1.1/24", "sink", "eth0", "10.0.1.2/24")};
  ProgramSpec program;
  program.label = chosen.name;
  program.object = options.object;
  program.program = chosen.name;
  AttachSpec attach;
  attach.kind = hook;
  // Packets leave through the client's end: that is where an egress program meets them.
  attach.target = hook == "tc-egress" ? "client:eth0" : kServer;
  if (hook == "socket") {
    SocketSpec socket;
    socket.label = attach.target = "packet";
    socket.kind = SocketSpec::Kind::kPacket;
    socket.ns = "server";
    socket.interface = "eth0";
    scenario.sockets.push_back(socket);
  }
  program.attach.push_back(attach);
  scenario.programs.push_back(program);
  ReplayStep replay;
  replay.capture = options.capture;
  replay.from = "client:eth0";
  if (options.limit) replay.limit = *options.limit;
  scenario.steps.push_back({replay, {}});
  return scenario;
}

const Attacher& AttacherOf(const TryOptions& options, const ProgramInfo& chosen) {
  const Attacher& attacher = options.hook == "auto" ? DefaultAttacher(chosen) : AttacherFor(options.hook);
  if (!attacher.has_verdicts)
    throw Error({.what = "try program",
                 .where = chosen.name,
                 .why = fmt::format("a program of type {} decides about sockets, not about packets",
                                    ProgramTypeName(attacher.program_type)),
                 .hint = "a scenario can attach it: knetlab --help, docs/scenario.md",
                 .detail = "",
                 .code = EINVAL});
  if (chosen.type_is_guess || FitsHook(chosen, std::string(attacher.kind))) return attacher;
  throw Error({.what = "try",
               .where = chosen.name,
               .why = fmt::format("a program of type {} does not go to {}", ProgramTypeName(chosen.type),
                                  attacher.kind),
               .hint = "leave --hook out",
               .detail = "",
               .code = EINVAL});
}

LoadOptions LoadFor(const Attacher& attacher, const ProgramInfo& chosen) {
  LoadOptions load;
  load.programs = {chosen.name};
  load.types[chosen.name] = attacher.program_type;
  return load;
}

bool HasVlanTag(std::span<const std::byte> packet) {
  if (packet.size() < sizeof(ethhdr)) return false;
  ethhdr header{};
  std::memcpy(&header, packet.data(), sizeof(header));
  return header.h_proto == htons(ETH_P_8021Q) || header.h_proto == htons(ETH_P_8021AD);
}

class Trial {
 public:
  Trial(const TryOptions& options, std::stop_token stop);
  TryResult Carry();

 private:
  void NoteVlanTags();
  void OnUnit();
  void OnWire();
  void AddPacket(PacketResult packet);
  void MeasureCost();

  const TryOptions& options_;
  std::stop_token stop_;
  Capture capture_;
  ProgramInfo chosen_;
  const Attacher& attacher_;
  BpfObject object_;
  const Program& program_;
  TryResult result_;
};

Trial::Trial(const TryOptions& options, std::stop_token stop)
    : options_(options),
      stop_(std::move(stop)),
      capture_(ReadCapture(options.capture, {.limit = options.limit})),
      chosen_(ChooseProgram(options.object, options.program, "", options.hook)),
      attacher_(AttacherOf(options, chosen_)),
      object_(BpfObject::Load(options.object, LoadFor(attacher_, chosen_))),
      program_(object_.program(chosen_.name)) {
  result_.object = options.object;
  result_.program = program_.name();
  result_.type = ProgramTypeName(program_.type());
  result_.hook = attacher_.kind;
  result_.rig = options.rig;
  result_.capture = options.capture;
  result_.object_sha256 = object_.sha256();
  result_.capture_sha256 = capture_.sha256;
  result_.capture_bytes = capture_.total_bytes;
  result_.instructions = program_.instructions();
  result_.verified_ns = program_.verified_ns();
  result_.environment = ReadEnvironment();
  if (!capture_.notice.empty()) result_.notes.push_back(capture_.notice);
  if (capture_.padded > 0) {
    result_.notes.push_back(
        fmt::format("{} packets were shorter than an Ethernet header: padded to 14 bytes", capture_.padded));
  }
}

void Trial::AddPacket(PacketResult packet) {
  const Packet& sent = capture_.packets.at(packet.index - 1);
  TriedPacket tried;
  tried.length = sent.bytes.size();
  tried.padded = sent.padded;
  tried.summary = SummarizePacket(sent.bytes);
  if (packet.out) tried.out_sha256 = Sha256Hex(*packet.out);
  result_.verdicts[packet.verdict]++;
  tried.result = std::move(packet);
  result_.packets.push_back(std::move(tried));
}

// A device takes the outer VLAN tag out of what it receives (skb->vlan_tci) before TC ingress; a test run has
// no way to say that, up to Linux 6.18.
void Trial::NoteVlanTags() {
  if (result_.hook != "tc-ingress") return;
  const auto tagged = std::count_if(capture_.packets.begin(), capture_.packets.end(),
                                    [](const Packet& packet) { return HasVlanTag(packet.bytes); });
  if (tagged == 0) return;
  result_.notes.push_back(
      fmt::format("{} packets have a VLAN tag: here it is in the packet, where a device receives them beside "
                  "it (skb->vlan_tci)",
                  tagged));
}

void Trial::OnUnit() {
  NoteVlanTags();
  // Helpers that look routes up must not see those of the machine.
  Namespace::Create("unit").Run([&] {
    for (std::size_t i = 0; i < capture_.packets.size() && !stop_.stop_requested(); i++) {
      PacketResult packet =
          TryOnePacket(program_, "unit " + program_.name(), capture_.packets[i].bytes, i + 1);
      result_.ledger.Add(packet.fate, packet.place, packet.reason, 1);
      result_.ledger.sent++;
      AddPacket(std::move(packet));
    }
  });
  result_.mode = "test run";
  result_.ledger.Close();
}

void Trial::OnWire() {
  Scenario scenario = TryScenario(options_, chosen_, result_.hook);
  RigResult run = MakeRig("wire")->Run(
      scenario, {.tracer = std::make_shared<Tracer>(), .per_packet = true, .cost = false}, stop_);
  result_.ledger = std::move(run.ledger);
  for (PacketResult& packet : run.packets) AddPacket(std::move(packet));
  result_.mode = run.modes.empty() ? "" : run.modes.front();
  result_.notes.insert(result_.notes.end(), run.notes.begin(), run.notes.end());
}

void Trial::MeasureCost() {
  std::vector<std::span<const std::byte>> packets;
  std::vector<std::int64_t> codes;
  for (const TriedPacket& packet : result_.packets) {
    if (!packet.result.code) continue;
    packets.emplace_back(capture_.packets.at(packet.result.index - 1).bytes);
    codes.push_back(*packet.result.code);
  }
  if (packets.empty()) return;
  const UnitCost cost = MeasureUnitCost(program_, ChooseProbes(packets, codes, kCostProbes));
  if (cost.samples.empty()) {
    result_.notes.emplace_back("no cost: BPF_PROG_TEST_RUN takes none of these packets");
    return;
  }
  result_.cost = TryCost{cost.ns_per_packet(), cost.low(), cost.high(),
                         static_cast<std::uint32_t>(cost.repeat), static_cast<int>(cost.samples.size())};
}

TryResult Trial::Carry() {
  if (options_.rig == "unit") {
    OnUnit();
  } else if (options_.rig == "wire") {
    OnWire();
  } else {
    MakeRig(options_.rig);  // throws: no such rig
  }
  if (!options_.capture_output.empty() && !stop_.stop_requested())
    WriteTryCapture(options_.capture_output, result_, capture_);
  if (options_.cost) MeasureCost();
  if (stop_.stop_requested()) {
    throw Error({.what = "try",
                 .where = options_.object,
                 .why = "it was stopped before its end",
                 .hint = "",
                 .detail = "",
                 .code = ECANCELED});
  }
  return std::move(result_);
}

}  // namespace

TryResult Try(const TryOptions& options, std::stop_token stop) {
  RequireRoot("try");
  const bool wire = options.rig == "wire";
  if (wire) SweepKept(false);
  try {
    return Trial(options, std::move(stop)).Carry();
  } catch (const Error&) {
    if (wire) RequireEssentials("try");  // says more than what failed first for lack of one
    throw;
  }
}

}  // namespace knetlab
