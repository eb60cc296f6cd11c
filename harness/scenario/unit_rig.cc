// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/unit_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "harness/measure/cost.h"
#include "harness/program/attach.h"
#include "harness/program/verdict.h"
#include "harness/scenario/expectations.h"
#include "harness/scenario/lab_care.h"
#include "harness/scenario/loaded_programs.h"
#include "harness/scenario/located_error.h"
#include "harness/scenario/measured_checks.h"
#include "harness/scenario/seen_packets.h"
#include "harness/scenario/step_packets.h"
#include "netns/namespace.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

Fate FateOf(Decision decision) {
  switch (decision) {
    case Decision::kPass:
      return Fate::kPassed;
    case Decision::kTransmit:
      return Fate::kTransmitted;
    case Decision::kRedirect:
      return Fate::kRedirected;
    case Decision::kDrop:
    case Decision::kStolen:
      return Fate::kDropped;
  }
  return Fate::kDropped;
}

// "server:eth0 xdp drop", as the wire rig's ledger has it.
std::string PlaceOf(const AttachSpec& attach, const std::string& label) {
  std::string hook = attach.kind;
  if (std::size_t dash = hook.find('-'); dash != std::string::npos) hook[dash] = ' ';
  return attach.target + " " + hook + " " + label;
}

[[noreturn]] void Cannot(const Mark& mark, std::string what) {
  throw Error({.what = "run on the unit rig",
               .where = mark.ToString(),
               .why = "the unit rig has " + std::move(what),
               .hint = "use --rig wire",
               .detail = "",
               .code = EOPNOTSUPP});
}

// How far a packet has come on the link that it was sent into.
enum class Stage { kLeaves, kArrives, kUpwards };  // at TC egress, at XDP of the peer, behind that

struct Stop {  // one program on a packet's way
  const LoadedProgram* loaded;
  std::string place;
  Stage stage;
};

class UnitRun {
 public:
  UnitRun(const Scenario& scenario, const RigOptions& options, std::stop_token stop);
  RigResult Carry();

 private:
  const Topology& Built();
  std::vector<Stop> WayFrom(const std::string& endpoint) const;
  void Do(const ReplayStep& step, const Mark& mark);
  void Do(const MapStep& step, const Mark& mark);
  void Do(const ExecStep& step, const Mark& mark);
  void Do(const ExpectStep& step, const Mark& mark);
  void SendOne(const std::string& from, const std::vector<Stop>& way, Packet packet);
  void See(const std::string& from, Stage reached, Stage& seen, const std::vector<std::byte>& bytes);
  void CheckPhase(const std::vector<LedgerCheck>& checks, const Mark& mark);
  void MeasureCosts();
  void Append(std::vector<CheckResult> checks);

  const Scenario& scenario_;
  const RigOptions& options_;
  std::stop_token stop_;
  std::optional<Topology> built_;
  EndpointAccess endpoints_;
  LoadedPrograms programs_;
  SeenPackets seen_packets_;
  RigResult result_;
  Ledger phase_;            // since the last `expect`
  VerdictCounts verdicts_;  // of the same
  std::uint64_t index_ = 0;
  struct Seen {
    std::vector<std::vector<std::byte>> packets;
    std::vector<std::int64_t> codes;
  };
  std::map<std::string, Seen> seen_;  // label -> what its cost is measured on
};

UnitRun::UnitRun(const Scenario& scenario, const RigOptions& options, std::stop_token stop)
    : scenario_(scenario),
      options_(options),
      stop_(std::move(stop)),
      endpoints_{.ifindex = [this](const std::string& name) { return Built().endpoint(name).ifindex; },
                 .run_in =
                     [this](const std::string& name, const std::function<void()>& work) {
                       Built().ns(Built().endpoint(name).ns).Run(work);
                     },
                 .socket = [](const std::string& label) -> int {
                   throw Error({.what = "write map",
                                .where = "socket " + label,
                                .why = "the unit rig opens no sockets",
                                .hint = "run it on the wire rig: --rig wire",
                                .detail = "",
                                .code = ENOTSUP});
                 }},
      programs_(scenario.programs, endpoints_, {}),
      seen_packets_(scenario) {
  for (const ProgramSpec& program : scenario.programs) {
    for (const AttachSpec& attach : program.attach) {
      if (AttacherFor(attach.kind).target == AttachTarget::kSocket)
        Cannot(attach.mark, "no sockets to attach a program to");
      if (!AttacherFor(attach.kind).has_verdicts)
        Cannot(attach.mark, "no sockets for a program to choose from");
    }
  }
}

// No packet meets a device here. But a scenario that names an endpoint in a map or in a rewrite means its
// number and its Ethernet address, and a device map takes nothing but devices that exist: only then they are
// made.
const Topology& UnitRun::Built() {
  if (!built_) {
    TopologySpec spec = scenario_.topology;
    FitMtu(spec, 0);
    built_.emplace(Topology::Build(spec));
  }
  return *built_;
}

std::vector<Stop> UnitRun::WayFrom(const std::string& endpoint) const {
  std::vector<Stop> way;
  const std::string peer = PeerOf(scenario_.topology, endpoint);
  auto add = [&](Stage stage, const std::string& kind, const std::string& target) {
    for (const auto& loaded : programs_.all()) {
      for (const AttachSpec& attach : loaded->spec->attach) {
        if (attach.kind == kind && attach.target == target)
          way.push_back({loaded.get(), PlaceOf(attach, loaded->spec->label), stage});
      }
    }
  };
  add(Stage::kLeaves, "tc-egress", endpoint);
  add(Stage::kArrives, "xdp", peer);
  add(Stage::kUpwards, "tc-ingress", peer);
  if (endpoint.empty()) {
    for (const auto& loaded : programs_.all()) {
      if (loaded->spec->attach.empty()) way.push_back({loaded.get(), loaded->spec->label, Stage::kUpwards});
    }
  }
  return way;
}

// What taps at both ends of the link would have seen by the time that the packet has come so far.
void UnitRun::See(const std::string& from, Stage reached, Stage& seen, const std::vector<std::byte>& bytes) {
  if (seen < Stage::kArrives && reached >= Stage::kArrives) seen_packets_.AddAt(from, true, bytes);
  if (seen < Stage::kUpwards && reached >= Stage::kUpwards)
    seen_packets_.AddAt(PeerOf(scenario_.topology, from), false, bytes);
  seen = std::max(seen, reached);
}

void UnitRun::SendOne(const std::string& from, const std::vector<Stop>& way, Packet packet) {
  PacketResult first;
  first.index = ++index_;
  Fate fate = Fate::kPassed;
  std::string place = "unit", reason;
  std::vector<std::byte> bytes = std::move(packet.bytes);
  bool is_first = true;
  Stage seen = Stage::kLeaves;
  for (const Stop& stop : way) {
    See(from, stop.stage, seen, bytes);
    const std::string& label = stop.loaded->spec->label;
    PacketResult one = TryOnePacket(*stop.loaded->program, stop.place, bytes, index_);
    verdicts_[label][one.verdict]++;
    if (one.code && options_.cost) {
      seen_[label].packets.push_back(bytes);
      seen_[label].codes.push_back(*one.code);
    }
    fate = one.fate;
    place = one.place;
    reason = one.reason;
    if (one.out) bytes = *one.out;
    if (one.out && fate != Fate::kDropped) seen_packets_.AddFrom(label, bytes);
    if (fate == Fate::kTransmitted) seen_packets_.AddAt(from, false, bytes);  // back to where it came from
    if (is_first) first = std::move(one);
    is_first = false;
    if (fate != Fate::kPassed) break;
  }
  if (fate == Fate::kPassed) {
    See(from, Stage::kUpwards, seen, bytes);
    reason.clear();
  }
  phase_.Add(fate, place, reason, 1);
  phase_.sent++;
  if (options_.per_packet) result_.packets.push_back(std::move(first));
}

void UnitRun::Do(const ReplayStep& step, const Mark&) {
  Capture capture = PacketsOf(step);
  if (!capture.notice.empty()) result_.notes.push_back(step.capture + ": " + capture.notice);
  std::uint64_t left =
      step.options.count > 0 ? step.options.count : std::numeric_limits<std::uint64_t>::max();
  Rewrite rewrite = step.options.rewrite;
  if (!step.source_mac_of.empty()) rewrite.source_mac = Built().endpoint(step.source_mac_of).mac;
  if (!step.destination_mac_of.empty())
    rewrite.destination_mac = Built().endpoint(step.destination_mac_of).mac;
  std::vector<Stop> way = WayFrom(step.from);
  for (std::uint64_t loop = 0; loop < step.options.loops; loop++) {
    for (Packet packet : capture.packets) {
      if (left-- == 0) return;
      if (stop_.stop_requested())
        throw Error({.what = "run",
                     .where = scenario_.name,
                     .why = "it was stopped",
                     .hint = "",
                     .detail = "",
                     .code = ECANCELED});
      ApplyRewrite(rewrite, packet);
      SendOne(step.from, way, std::move(packet));
    }
  }
}

void UnitRun::Do(const MapStep& step, const Mark& mark) {
  WriteMap(step, programs_, endpoints_);
  Append(CheckMap(step, programs_, endpoints_, mark));
}

void UnitRun::Do(const ExecStep&, const Mark& mark) {
  Cannot(mark, "no namespaces to run commands in");
}

void UnitRun::Do(const ExpectStep& step, const Mark& mark) {
  for (const LedgerCheck& check : step.ledger) {
    if (check.fate == Fate::kDelivered)
      Cannot(check.number.mark, "no sockets that packets could be delivered to");
  }
  for (const LatencyCheck& check : step.latency)
    Cannot(check.number.mark, "no devices, on whose way packets could take time");
  for (const PacketsCheck& check : step.packets) {
    if (std::string why = WhyUnitCannotSee(scenario_, check); !why.empty())
      Cannot(check.mark, std::move(why));
  }
  CheckPhase(step.ledger, mark);
  Append(CheckVerdicts(step.verdicts, verdicts_));
  verdicts_.clear();
  Append(seen_packets_.Check(step, {.update = options_.update_golden}, result_.notes));
  for (const MapStep& map : step.maps) Append(CheckMap(map, programs_, endpoints_, mark));
}

void UnitRun::CheckPhase(const std::vector<LedgerCheck>& checks, const Mark& mark) {
  phase_.Close();
  Append(CheckLedger(checks, phase_, mark));
  result_.ledger.Merge(phase_);
  phase_ = {};
  for (const auto& [label, counts] : verdicts_) {
    for (const auto& [verdict, count] : counts) result_.verdicts[label][verdict] += count;
  }
}

void UnitRun::MeasureCosts() {
  for (const auto& [label, seen] : seen_) {
    std::vector<std::span<const std::byte>> packets(seen.packets.begin(), seen.packets.end());
    const UnitCost cost =
        MeasureUnitCost(*programs_.at(label).program, ChooseProbes(packets, seen.codes, kCostProbes));
    if (cost.samples.empty()) continue;
    result_.cost.push_back({.program = label,
                            .value = cost.ns_per_packet(),
                            .runs = cost.repeat * cost.samples.size(),
                            .samples = cost.samples});
  }
}

void UnitRun::Append(std::vector<CheckResult> checks) {
  for (CheckResult& check : checks) result_.checks.push_back(std::move(check));
}

RigResult UnitRun::Carry() {
  for (const Step& step : scenario_.steps) {
    WithMark(step.mark, [&] { std::visit([&](const auto& what) { Do(what, step.mark); }, step.what); });
  }
  if (phase_.sent > 0) CheckPhase({}, scenario_.name_mark);
  result_.ledger.Close();
  if (options_.cost) MeasureCosts();
  Append(CheckMeasured(scenario_, result_));
  return std::move(result_);
}

}  // namespace

PacketResult TryOnePacket(const Program& program, const std::string& place, std::span<const std::byte> packet,
                          std::uint64_t index) {
  TestRunResult run = TestRun(program, packet);
  PacketResult result;
  result.index = index;
  result.place = place;
  if (run.error != 0) {
    const char* name = ::strerrorname_np(run.error);
    result.verdict = kVerdictRefused;
    result.place = "unit";
    result.reason = name != nullptr ? name : std::to_string(run.error);
    return result;
  }
  // The kernel hands out 32 bits; TC's codes are signed.
  result.code = static_cast<std::int32_t>(run.code);
  if (program.type() == BPF_PROG_TYPE_XDP || program.type() == BPF_PROG_TYPE_SOCKET_FILTER)
    result.code = run.code;
  result.verdict = VerdictName(program.type(), *result.code);
  result.fate = FateOf(VerdictDecision(program.type(), *result.code));
  result.reason = result.verdict;
  result.out = std::move(run.out);
  return result;
}

RigResult UnitRig::Run(const Scenario& scenario, const RigOptions& options, std::stop_token stop) {
  // Helpers that look routes up must not see those of the machine.
  Namespace empty = Namespace::Create(scenario.name);
  return empty.Run([&] { return UnitRun(scenario, options, std::move(stop)).Carry(); });
}

}  // namespace knetlab
