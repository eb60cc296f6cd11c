// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/wire_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "harness/scenario/command.h"
#include "harness/scenario/expectations.h"
#include "harness/scenario/latency.h"
#include "harness/scenario/located_error.h"
#include "harness/scenario/measured_checks.h"
#include "harness/scenario/output_check.h"
#include "harness/scenario/run_capture.h"
#include "harness/scenario/seen_packets.h"
#include "harness/scenario/wire_cost.h"
#include "harness/scenario/wire_lab.h"
#include "harness/traffic/method.h"

namespace knetlab {
namespace {

// How long packets may stay on their way after the last was sent: queued, in reassembly, waiting for a
// neighbour.
constexpr std::chrono::milliseconds kQuietDeadline{1000};

// Packets of a flood by which a program's cost is measured.
constexpr std::uint64_t kMostForCost = 1'000'000;

bool SetsDestinationMac(const FloodOptions& flood) {
  return std::any_of(flood.sets.begin(), flood.sets.end(),
                     [](const std::string& set) { return set.starts_with("dmac="); });
}

class WireRun {
 public:
  WireRun(const Scenario& scenario, const RigOptions& options, std::stop_token stop)
      : scenario_(scenario),
        options_(options),
        stop_(std::move(stop)),
        capture_(options.capture_output, scenario),
        lab_(scenario, capture_.Labels()),
        seen_(scenario) {
    taps_.emplace(scenario, lab_.topology());
    result_.notes = lab_.notes();
    for (const HookedProgram& hook : lab_.hooks()) result_.modes.push_back(hook.mode);
    capture_.Begin(lab_);
  }
  RigResult Carry();

 private:
  void DoSteps();
  bool Failed() const;
  void Do(const ReplayStep& step, const Mark& mark);
  void Do(const MapStep& step, const Mark& mark);
  void Do(const ExecStep& step, const Mark& mark);
  void Do(const ExpectStep& step, const Mark& mark);
  TrafficReport Send(const ReplayStep& step, SendObserver* observer, std::uint64_t first_index,
                     const Pace& pace);
  bool PhaseHasFrames(const ReplayStep& first) const;
  void CloseAccount();
  void CheckPhase(const std::vector<LedgerCheck>& checks, const Mark& mark);
  void MeasureCosts();
  void Append(std::vector<CheckResult> checks);
  void ThrowIfStopped() const;

  const Scenario& scenario_;
  const RigOptions& options_;
  std::stop_token stop_;
  RunCapture capture_;
  WireLab lab_;
  SeenPackets seen_;
  std::optional<EndpointTaps> taps_;
  RigResult result_;
  // Since the last `expect`:
  std::unique_ptr<Account> account_;
  std::vector<SentTraffic> sent_;
  Ledger phase_;
  VerdictCounts verdicts_;
  LatencyByPlace latency_;  // of all phases
  std::uint64_t next_index_ = 1;
};

TrafficReport WireRun::Send(const ReplayStep& step, SendObserver* observer, std::uint64_t first_index,
                            const Pace& pace) {
  ReplayOptions options = step.options;
  options.pace = pace;
  const EndpointInfo& from = lab_.topology().endpoint(step.from);
  if (!step.source_mac_of.empty())
    options.rewrite.source_mac = lab_.topology().endpoint(step.source_mac_of).mac;
  if (!step.destination_mac_of.empty()) {
    options.rewrite.destination_mac = lab_.topology().endpoint(step.destination_mac_of).mac;
  } else if (step.flood && !SetsDestinationMac(*step.flood) && !from.peer_interface.empty()) {
    options.rewrite.destination_mac = lab_.topology().endpoint(from.peer_ns + ":" + from.peer_interface).mac;
  }
  const auto& hooks = lab_.hooks();
  const bool tc_egress = std::any_of(hooks.begin(), hooks.end(), [&](const HookedProgram& hook) {
    return hook.hook == "tc-egress" && hook.endpoint == step.from;
  });
  if (options_.per_packet && tc_egress) options.batch = 1;  // AccountOptions::per_packet
  if (observer == nullptr && step.flood) options.count = std::min(options.count, kMostForCost);
  const Namespace& ns = lab_.topology().ns(from.ns);
  const SendContext context{.ns = &ns,
                            .interface = from.interface,
                            .observer = step.method == Method::kAfPacket ? observer : nullptr,
                            .first_index = first_index,
                            .stop = stop_};
  if (step.method == Method::kAfPacket) return Replay(lab_.capture(step), options).Send(context);
  const Capture& capture = lab_.capture(step);
  MemoryFeed feed(capture.path, capture.packets);
  FeedSource source(feed,
                    {.method = step.method,
                     .pace = options.pace,
                     .loops = options.loops,
                     .count = options.count,
                     .rewrite = options.rewrite},
                    ns, from.interface);
  if (!source.choice().why.empty()) result_.notes.push_back("af-packet: " + source.choice().why);
  return source.Send(context);
}

// Whether packets come from within the kernel before the account is closed that opens with this step.
bool WireRun::PhaseHasFrames(const ReplayStep& first) const {
  bool begun = false;
  for (const Step& step : scenario_.steps) {
    const auto* replay = std::get_if<ReplayStep>(&step.what);
    begun |= replay == &first;
    if (!begun) continue;
    if (replay != nullptr && replay->method != Method::kAfPacket) return true;
    if (std::holds_alternative<ExpectStep>(step.what)) return false;
    const auto* map = std::get_if<MapStep>(&step.what);
    if (map != nullptr && !map->read.empty()) return false;
  }
  return false;
}

void WireRun::Do(const ReplayStep& step, const Mark&) {
  if (!account_) {
    account_ = OpenAccount(options_.tracer, lab_.topology(), lab_.hooks(),
                           {.per_packet = options_.per_packet, .frames = PhaseHasFrames(step)});
  }
  TrafficReport report = Send(step, account_.get(), next_index_, step.options.pace);
  next_index_ += report.attempted;
  const EndpointInfo& from = lab_.topology().endpoint(step.from);
  sent_.push_back({from.ns, std::move(report), from.interface});
  ThrowIfStopped();
}

void WireRun::Do(const MapStep& step, const Mark& mark) {
  // What the packets so far did to the maps must have happened.
  if (!step.read.empty()) CloseAccount();
  WriteMap(step, lab_.programs(), lab_.endpoints());
  Append(CheckMap(step, lab_.programs(), lab_.endpoints(), mark));
}

void WireRun::Do(const ExecStep& step, const Mark& mark) {
  CommandResult command =
      RunCommand(lab_.topology().ns(step.ns), step.argv, {fmt::format("KNETLAB_SEED={}", options_.seed)},
                 stop_, lab_.cgroup(step.ns));
  Append(CheckCommand(step, command, mark));
}

void WireRun::Do(const ExpectStep& step, const Mark& mark) {
  CloseAccount();
  CheckPhase(step.ledger, mark);
  Append(CheckVerdicts(step.verdicts, verdicts_));
  verdicts_.clear();
  taps_->CollectInto(seen_);
  Append(seen_.Check(step, {.update = options_.update_golden}, result_.notes));
  for (const MapStep& map : step.maps) Append(CheckMap(map, lab_.programs(), lab_.endpoints(), mark));
}

void WireRun::CloseAccount() {
  if (!account_) return;
  AccountResult closed = account_->Close(sent_, kQuietDeadline);
  account_.reset();
  sent_.clear();
  phase_.Merge(closed.ledger);
  latency_.Add(closed.latency);
  result_.latency = latency_.Results();
  if (!result_.latency.empty()) {
    result_.latency.insert(result_.latency.end(), options_.latency_floor.begin(),
                           options_.latency_floor.end());
  }
  for (const HookVerdicts& hook : closed.hooks) {
    for (const auto& [verdict, count] : hook.verdicts) {
      verdicts_[hook.program][verdict] += count;
      result_.verdicts[hook.program][verdict] += count;
    }
  }
  for (PacketFate& packet : closed.packets) {
    PacketResult one{.index = packet.index,
                     .code = std::nullopt,
                     .verdict = packet.verdict,
                     .fate = packet.fate,
                     .place = packet.place,
                     .reason = packet.reason,
                     .out = std::nullopt};
    if (packet.code) one.code = packet.code;
    result_.packets.push_back(std::move(one));
  }
}

void WireRun::CheckPhase(const std::vector<LedgerCheck>& checks, const Mark& mark) {
  phase_.Close();
  Append(CheckLedger(checks, phase_, mark));
  result_.ledger.Merge(phase_);
  phase_ = {};
}

void WireRun::MeasureCosts() {
  result_.cost = MeasureWireCosts(lab_.programs(), [&] {
    for (const Step& step : scenario_.steps) {
      const auto* replay = std::get_if<ReplayStep>(&step.what);
      if (replay != nullptr) Send(*replay, nullptr, 1, Pace{});
      ThrowIfStopped();
    }
  });
}

void WireRun::Append(std::vector<CheckResult> checks) {
  for (CheckResult& check : checks) result_.checks.push_back(std::move(check));
}

void WireRun::ThrowIfStopped() const {
  if (!stop_.stop_requested()) return;
  throw Error({.what = "run",
               .where = scenario_.name,
               .why = "it was stopped before its end",
               .hint = "raise its timeout if it was the deadline",
               .detail = "",
               .code = ECANCELED});
}

void WireRun::DoSteps() {
  for (const Step& step : scenario_.steps) {
    ThrowIfStopped();
    WithMark(step.mark, [&] { std::visit([&](const auto& what) { Do(what, step.mark); }, step.what); });
  }
  CloseAccount();
  if (phase_.sent > 0) CheckPhase({}, scenario_.name_mark);
  result_.ledger.Close();
}

bool WireRun::Failed() const {
  return std::any_of(result_.checks.begin(), result_.checks.end(),
                     [](const CheckResult& check) { return !check.pass; });
}

RigResult WireRun::Carry() {
  const bool keep = options_.keep != nullptr;
  try {
    DoSteps();
    capture_.End(result_.notes);
  } catch (const Error&) {
    if (keep) lab_.Keep(*options_.keep);
    throw;
  }
  taps_.reset();  // what is measured is measured without them
  if (keep && Failed()) {
    lab_.Keep(*options_.keep);  // as it failed: without the packets that measure costs
    return std::move(result_);
  }
  if (options_.cost) MeasureCosts();
  Append(CheckMeasured(scenario_, result_));
  if (keep && Failed()) lab_.Keep(*options_.keep);
  return std::move(result_);
}

}  // namespace

RigResult WireRig::Run(const Scenario& scenario, const RigOptions& options, std::stop_token stop) {
  return WireRun(scenario, options, std::move(stop)).Carry();
}

}  // namespace knetlab
