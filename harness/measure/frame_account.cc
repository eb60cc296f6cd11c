// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/frame_account.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "harness/measure/account_common.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kFullRing = "FULL_RING";

// Takes packets out of entries of this fate: they went on, and are told of where they ended.
std::uint64_t TakeFrom(Ledger& ledger, Fate fate, std::uint64_t count) {
  std::uint64_t left = count;
  for (LedgerEntry& entry : ledger.entries) {
    if (entry.fate != fate) continue;
    const std::uint64_t taken = std::min(left, entry.count);
    entry.count -= taken;
    left -= taken;
  }
  return count - left;
}

}  // namespace

// What one endpoint's counters moved by.
struct FrameAccount::Station {
  std::uint64_t seen = 0, drops = 0, tx = 0, tx_errors = 0, redirected = 0, failed = 0;
  std::uint64_t not_forwarded = 0;  // sent out of it, and not taken by the other end

  std::uint64_t passed() const {
    const std::uint64_t decided = drops + tx + tx_errors + redirected + failed;
    return seen > decided ? seen - decided : 0;
  }
};

class FrameAccount::Closing {
 public:
  Closing(const FrameAccount& account, const std::vector<SentTraffic>& sent)
      : account_(account), topology_(account.topology_) {
    for (const HookedProgram& hook : account.hooks_) result_.hooks.push_back({hook.program, {}});
    for (const SentTraffic& each : sent) {
      const std::string from = each.ns + ":" + each.interface;
      senders_.insert(each.ns);
      result_.ledger.sent += each.report.attempted;
      for (const Refusal& refusal : each.report.refusals)
        result_.ledger.Add(Fate::kLost, each.ns + ":socket", ErrnoName(refusal.error), 1);
      taken_[from] += each.report.packets;
      for (const FrameLoss& loss : each.report.lost) AddLoss(from, loss);
    }
  }

  // Everything that was taken has come to the other end or was dropped on the way.
  bool Complete(const CounterReading& now) const {
    return std::all_of(taken_.begin(), taken_.end(), [&](const auto& each) {
      const std::string peer = PeerOf(each.first);
      return HookAt(peer) == nullptr || At(peer, now).seen + Dropped(each.first, now) >= each.second;
    });
  }

  AccountResult Close(const CounterReading& after) {
    std::set<std::string> first;  // endpoints to which packets came from their senders
    for (const auto& [from, taken] : taken_) {
      first.insert(PeerOf(from));
      const std::uint64_t dropped = Dropped(from, after);
      result_.ledger.Add(Fate::kLost, PeerOf(from) + " ring", kFullRing, full_[from] + dropped);
      Arrive(PeerOf(from), taken - std::min(taken, dropped), after);
    }
    for (const EndpointInfo& endpoint : topology_.endpoints()) {
      if (endpoint.peer_interface.empty() || first.contains(endpoint.ToString())) continue;
      GoOn(endpoint, after);
    }
    for (const NamespaceSpec& spec : topology_.spec().namespaces) {
      if (!senders_.contains(spec.name)) CountStack(spec.name, after);
    }
    for (auto& [ns, passed] : passed_) {
      for (const LedgerEntry& entry : passed)
        result_.ledger.Add(entry.fate, entry.place, entry.reason, entry.count);
    }
    std::erase_if(result_.ledger.entries, [](const LedgerEntry& entry) { return entry.count == 0; });
    result_.ledger.Close();
    return std::move(result_);
  }

 private:
  std::string PeerOf(const std::string& endpoint) const {
    const EndpointInfo& info = topology_.endpoint(endpoint);
    return info.peer_ns + ":" + info.peer_interface;
  }

  const HookedProgram* HookAt(const std::string& endpoint) const {
    const auto found = std::find_if(account_.hooks_.begin(), account_.hooks_.end(),
                                    [&](const HookedProgram& hook) { return hook.endpoint == endpoint; });
    return found == account_.hooks_.end() ? nullptr : &*found;
  }

  Station At(const std::string& endpoint, const CounterReading& now) const {
    const Counters &before = account_.before_.driver.at(endpoint), &after = now.driver.at(endpoint);
    const auto moved = [&](std::string_view suffix) {
      return OverReceiveQueues(after, suffix) - OverReceiveQueues(before, suffix);
    };
    return {.seen = moved("_xdp_packets"),
            .drops = moved("_xdp_drops"),
            .tx = moved("_xdp_tx"),
            .tx_errors = moved("_xdp_tx_errors"),
            .redirected = moved("_xdp_redirect"),
            .failed = moved("_drops"),
            .not_forwarded = CounterAt(now.link.at(endpoint), "tx_dropped") -
                             CounterAt(account_.before_.link.at(endpoint), "tx_dropped")};
  }

  // Of what the sender's device took. Frames that it did not take are in tx_dropped, too.
  std::uint64_t Dropped(const std::string& from, const CounterReading& now) const {
    const auto full = full_.find(from);
    const std::uint64_t dropped = At(from, now).not_forwarded;
    return dropped - std::min(dropped, full == full_.end() ? 0 : full->second);
  }

  void AddLoss(const std::string& from, const FrameLoss& loss) {
    if (loss.reason == kFullRing) {
      full_[from] += loss.count;
      return;
    }
    const bool no_napi = loss.reason == ErrnoName(EOPNOTSUPP) || loss.reason == ErrnoName(ENXIO);
    result_.ledger.Add(Fate::kLost, no_napi ? PeerOf(from) + " no napi" : from + " send", loss.reason,
                       loss.count);
  }

  void AddVerdicts(const HookedProgram& hook, const Station& station) {
    auto& verdicts = result_.hooks[static_cast<std::size_t>(&hook - account_.hooks_.data())].verdicts;
    const auto add = [&](const char* verdict, std::uint64_t count) {
      if (count > 0) verdicts[verdict] += count;
    };
    add("XDP_DROP", station.drops);
    add("XDP_TX", station.tx + station.tx_errors);
    add("XDP_REDIRECT", station.redirected + station.failed);
    add("XDP_PASS", station.passed());
  }

  void AddDecided(const std::string& endpoint, const HookedProgram& hook, const Station& station) {
    const std::string place = endpoint + " xdp " + hook.program;
    Ledger& ledger = result_.ledger;
    ledger.Add(Fate::kDropped, place, "XDP_DROP", station.drops);
    ledger.Add(Fate::kTransmitted, place, "XDP_TX", station.tx);
    ledger.Add(Fate::kLost, endpoint + " xdp tx", "XDP_TX", station.tx_errors);
    ledger.Add(Fate::kRedirected, place, "XDP_REDIRECT", station.redirected);
    ledger.Add(Fate::kLost, endpoint + " xdp redirect", "XDP_REDIRECT", station.failed);
    AddVerdicts(hook, station);
  }

  // At the other end of a sender's link.
  void Arrive(const std::string& endpoint, std::uint64_t expected, const CounterReading& after) {
    const HookedProgram* hook = HookAt(endpoint);
    const std::string ns = topology_.endpoint(endpoint).ns;
    if (hook == nullptr) {
      // No program decides there, and without one not every packet goes the way that counts.
      passed_[ns].push_back({Fate::kPassed, endpoint, "", expected});
      return;
    }
    const Station station = At(endpoint, after);
    AddDecided(endpoint, *hook, station);
    passed_[ns].push_back({Fate::kPassed, endpoint + " xdp " + hook->program, "XDP_PASS", station.passed()});
    if (station.seen == expected) return;
    const bool more = station.seen > expected;
    result_.ledger.missing.push_back(
        fmt::format("{} {} came to {}", more ? station.seen - expected : expected - station.seen,
                    more ? "packets that nobody here sent" : "packets fewer than were sent", endpoint));
  }

  // Where packets come by a redirect or are sent back to: they have their fate, unless they end here.
  void GoOn(const EndpointInfo& endpoint, const CounterReading& after) {
    const std::string name = endpoint.ToString();
    const Station station = At(name, after);
    if (!taken_.contains(name) && station.not_forwarded > 0) {
      result_.ledger.Add(Fate::kLost, PeerOf(name) + " ring", kFullRing, Gone(station.not_forwarded));
    }
    const HookedProgram* hook = HookAt(name);
    if (hook == nullptr) return;
    Gone(station.seen - station.passed());
    AddDecided(name, *hook, station);
  }

  std::uint64_t Gone(std::uint64_t count) {
    const std::uint64_t redirected = TakeFrom(result_.ledger, Fate::kRedirected, count);
    return redirected + TakeFrom(result_.ledger, Fate::kTransmitted, count - redirected);
  }

  void CountStack(const std::string& ns, const CounterReading& after) {
    for (const StackCounter& counter : kStackCounters) {
      std::uint64_t left =
          CounterAt(after.snmp.at(ns), counter.name) - CounterAt(account_.before_.snmp.at(ns), counter.name);
      const std::uint64_t moved = left;
      for (LedgerEntry& entry : passed_[ns]) {
        const std::uint64_t taken = std::min(left, entry.count);
        entry.count -= taken;
        left -= taken;
      }
      // What was redirected and passed stays "redirected".
      if (counter.fate != Fate::kPassed) left -= TakeFrom(result_.ledger, Fate::kRedirected, left);
      result_.ledger.Add(counter.fate, ns + ":" + counter.place, counter.reason, moved - left);
    }
  }

  const FrameAccount& account_;
  const Topology& topology_;
  AccountResult result_;
  std::set<std::string> senders_;               // namespaces
  std::map<std::string, std::uint64_t> taken_;  // by sending endpoint
  std::map<std::string, std::uint64_t> full_;   // frames that a full ring did not take, by sending endpoint
  std::map<std::string, std::vector<LedgerEntry>> passed_;  // by namespace, before the stack's counters
};

FrameAccount::FrameAccount(const Topology& topology, std::vector<HookedProgram> hooks)
    : topology_(topology), hooks_(std::move(hooks)) {
  for (const HookedProgram& hook : hooks_) {
    if (hook.mode == "xdp native") continue;
    throw Error(
        {.what = "open an account",
         .where = hook.endpoint + " " + hook.program,
         .why = fmt::format("frames without a socket are counted, and no counter tells what {} decides",
                            hook.mode.empty() ? hook.hook : hook.mode),
         .hint = "method: af-packet sends what is followed packet by packet",
         .detail = "",
         .code = EOPNOTSUPP});
  }
  before_ = CounterReading::Of(topology_);
}

AccountResult FrameAccount::Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) {
  Closing closing(*this, sent);
  const auto begin = std::chrono::steady_clock::now();
  const CounterReading after = CounterReading::WhenQuiet(
      topology_, deadline, [&](const CounterReading& now) { return closing.Complete(now); });
  AccountResult result = closing.Close(after);
  result.quiet_ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace knetlab
