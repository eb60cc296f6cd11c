// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/traced_account.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "harness/measure/account_common.h"
#include "harness/measure/resolve.h"
#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kMaxHooks = 32;                  // one bit each in ledger_path::visited
constexpr std::string_view kNativeXdp = "xdp native";  // HookedProgram::mode
constexpr std::int64_t kRedirectedByTc = 7;

std::string SocketText(const ledger_socket& socket) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  bool v6 = socket.family == AF_INET6;
  if (inet_ntop(v6 ? AF_INET6 : AF_INET, socket.address, text.data(), text.size()) == nullptr) return "";
  return v6 ? fmt::format("[{}]:{}", text.data(), socket.port)
            : fmt::format("{}:{}", text.data(), socket.port);
}

}  // namespace

struct TracedAccount::Impl {
  Tracer::Slot slot;
  const Topology& topology;
  std::vector<HookedProgram> hooks;
  AccountOptions options;
  std::shared_ptr<Tracer> tracer;
  Resolver resolver;
  std::vector<std::uint64_t> offered = {};  // numbers of packets, with per_packet

  Impl(std::shared_ptr<Tracer> shared_tracer, const Topology& the_topology,
       std::vector<HookedProgram> the_hooks, const AccountOptions& the_options)
      : slot(shared_tracer),
        topology(the_topology),
        hooks(std::move(the_hooks)),
        options(the_options),
        tracer(std::move(shared_tracer)),
        resolver(topology, hooks, tracer->symbols(), [this](std::uint64_t address) {
          ledger_socket socket{};
          return slot.FindSocket(address, &socket) ? SocketText(socket) : std::string();
        }) {}

  bool WaitUntilQuiet(std::uint64_t accepted, std::chrono::steady_clock::time_point deadline) const;
  void Add(const Tracer::Slot::Ended& ended, AccountResult& result) const;
  const HookedProgram* EgressHookOf(const SentTraffic& sent) const;
  std::uint64_t AddUnborn(const std::vector<SentTraffic>& sent,
                          const std::vector<Tracer::Slot::Packet>& facts, Ledger& ledger) const;
  void AddTurnedRound(const std::vector<SentTraffic>& sent, std::uint64_t count, AccountResult& result) const;
  void MoveFrameLosses(const std::vector<Tracer::Slot::Counted>& counted, Ledger& ledger) const;
  std::vector<PlaceLatency> Latency(const std::vector<Tracer::Slot::Ended>& facts) const;
  void FillPackets(const std::vector<Tracer::Slot::Packet>& facts, const std::vector<SentTraffic>& sent,
                   AccountResult& result) const;
};

TracedAccount::TracedAccount(std::shared_ptr<Tracer> tracer, const Topology& topology,
                             std::vector<HookedProgram> hooks, const AccountOptions& options) {
  if (hooks.size() > kMaxHooks) {
    throw Error({.what = "open an account",
                 .where = "",
                 .why = fmt::format("{} attached programs", hooks.size()),
                 .hint = fmt::format("at most {} are followed in one run", kMaxHooks),
                 .detail = "",
                 .code = E2BIG});
  }
  impl_ = std::make_unique<Impl>(std::move(tracer), topology, std::move(hooks), options);
  for (const NamespaceSpec& spec : topology.spec().namespaces) {
    impl_->slot.WatchNamespace(static_cast<std::uint32_t>(topology.ns(spec.name).inode()));
  }
  // Hooks at one endpoint share a station: its entry has all their bits.
  std::map<std::pair<std::uint32_t, std::uint32_t>, ledger_station> stations;
  volatile ledger_account& shared = impl_->slot.shared();
  for (std::size_t i = 0; i < impl_->hooks.size(); i++) {
    const HookedProgram& hook = impl_->hooks[i];
    if (hook.socket_cookie != 0) shared.watched_socket = hook.socket_cookie;
    if (hook.hook == "socket") continue;
    ledger_station_key station = impl_->resolver.StationOf(hook);
    ledger_station& entry = stations[{station.netns, station.ifindex}];
    entry.hooks |= std::uint32_t{1} << i;
    if (hook.mode == kNativeXdp) entry.native |= std::uint32_t{1} << i;
  }
  for (auto [at, station] : stations) impl_->slot.WatchStation({at.first, at.second}, station);
  shared.per_packet = options.per_packet ? 1 : 0;
  shared.active = 1;
}

TracedAccount::~TracedAccount() = default;

void TracedAccount::OnSocket(std::uint64_t cookie, std::uint32_t ifindex) {
  impl_->slot.WatchSender(cookie, ifindex);
}

void TracedAccount::OnBatch(std::uint64_t first, std::uint32_t count) {
  impl_->slot.shared().next_index = first;
  if (!impl_->options.per_packet) return;
  for (std::uint32_t i = 0; i < count; i++) impl_->offered.push_back(first + i);
}

bool TracedAccount::Impl::WaitUntilQuiet(std::uint64_t accepted,
                                         std::chrono::steady_clock::time_point deadline) const {
  const volatile ledger_account& shared = slot.shared();
  std::uint64_t before = ~std::uint64_t{0};
  for (;;) {
    WaitForCpus();
    std::uint64_t events = shared.events;
    bool arrived = shared.born_ours >= accepted && shared.in_transit <= 0;
    if (events == before && arrived && !slot.HasWaiting()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    before = events;
  }
}

void TracedAccount::Impl::Add(const Tracer::Slot::Ended& ended, AccountResult& result) const {
  Outcome outcome = resolver.Resolve(ended.key);
  if (ended.key.path.owner != OWNER_OURS) {
    result.ledger.AddBackground(outcome.fate, outcome.place, outcome.reason, ended.count);
    return;
  }
  if (outcome.explained) {
    result.ledger.Add(outcome.fate, outcome.place, outcome.reason, ended.count);
  } else {
    result.ledger.missing.push_back(fmt::format("{} last seen at {}", ended.count, outcome.place));
  }
  for (std::size_t i = 0; i < hooks.size(); i++) {
    if (auto code = resolver.VerdictAt(i, ended.key)) {
      result.hooks[i].verdicts[VerdictName(TypeOfHook(hooks[i]), *code)] += ended.count;
    }
  }
}

const HookedProgram* TracedAccount::Impl::EgressHookOf(const SentTraffic& sent) const {
  const std::string endpoint = sent.ns + ":" + sent.interface;
  const auto hook = std::find_if(hooks.begin(), hooks.end(), [&](const HookedProgram& each) {
    return each.hook == "tc-egress" && each.endpoint == endpoint;
  });
  return hook == hooks.end() ? nullptr : &*hook;
}

// What a TC program on the way out gives to a device to receive (BPF_F_INGRESS) has lost its socket before
// any event, so that none tells whose it was. All others have had an event when the system call ends that
// sends them: so it is those that are left over.
void TracedAccount::Impl::AddTurnedRound(const std::vector<SentTraffic>& sent, std::uint64_t count,
                                         AccountResult& result) const {
  const HookedProgram* by = nullptr;
  for (const SentTraffic& each : sent) {
    const HookedProgram* hook = EgressHookOf(each);
    if (hook == nullptr || hook == by) continue;
    if (by != nullptr) return;  // either
    by = hook;
  }
  if (by == nullptr || count == 0) return;
  const std::string reason = VerdictName(TypeOfHook(*by), kRedirectedByTc);
  result.ledger.Add(Fate::kRedirected, resolver.PlaceOf(*by), reason, count);
  result.hooks[static_cast<std::size_t>(by - hooks.data())].verdicts[reason] += count;
  if (!options.per_packet) return;
  std::set<std::uint64_t> known;
  for (const PacketFate& packet : result.packets) known.insert(packet.index);
  for (const std::uint64_t index : offered) {
    if (known.contains(index)) continue;
    PacketFate packet{index, std::nullopt, kVerdictLost, Fate::kRedirected, resolver.PlaceOf(*by), reason};
    if (by == &hooks.front()) {
      packet.code = kRedirectedByTc;
      packet.verdict = reason;
    }
    result.packets.push_back(std::move(packet));
  }
  std::sort(result.packets.begin(), result.packets.end(),
            [](const PacketFate& left, const PacketFate& right) { return left.index < right.index; });
}

// A refused packet either became an skb, whose own end is in the ledger already, or never was one.
// Returns how many are left that never were one and were not refused.
std::uint64_t TracedAccount::Impl::AddUnborn(const std::vector<SentTraffic>& sent,
                                             const std::vector<Tracer::Slot::Packet>& facts,
                                             Ledger& ledger) const {
  const std::uint64_t born = slot.shared().born_ours;
  std::uint64_t unborn = ledger.sent > born ? ledger.sent - born : 0;
  std::set<std::uint64_t> known;
  for (const auto& packet : facts) known.insert(packet.index);
  // ENOBUFS mostly comes of an skb that was dropped on its way out, so the others go first.
  for (bool no_buffers : {false, true}) {
    for (const SentTraffic& each : sent) {
      // There it is what TC says of a packet that it dropped.
      if (no_buffers && EgressHookOf(each) != nullptr) continue;
      for (const Refusal& refusal : each.report.refusals) {
        if (unborn == 0) return 0;
        if ((refusal.error == ENOBUFS) != no_buffers || known.contains(refusal.index)) continue;
        ledger.Add(Fate::kLost, each.ns + ":socket", ErrnoName(refusal.error), 1);
        unborn--;
      }
    }
  }
  return unborn;
}

// Frames that a device did not take have no event of their own: they are counted at the device, and were put
// down to the program that sent them.
void TracedAccount::Impl::MoveFrameLosses(const std::vector<Tracer::Slot::Counted>& counted,
                                          Ledger& ledger) const {
  for (const auto& [key, value] : counted) {
    bool back = key.kind == COUNTER_BULK_TX_DROPS;
    if (!back && key.kind != COUNTER_DEVMAP_DROPS) continue;
    std::string device = resolver.EndpointName(key.netns, key.ifindex),
                place = device + (back ? " xdp tx" : " ring");
    std::string reason = value.error > 0 ? ErrnoName(value.error) : "FULL_RING";
    std::uint64_t left = value.count;
    for (LedgerEntry& entry : ledger.entries) {
      if (entry.fate != (back ? Fate::kTransmitted : Fate::kRedirected)) continue;
      if (back && !entry.place.starts_with(device + " ")) continue;
      std::uint64_t moved = std::min(left, entry.count);
      entry.count -= moved;
      left -= moved;
    }
    if (value.count > left) ledger.Add(Fate::kLost, place, reason, value.count - left);
  }
}

// A hook's are all packets that it decided about; a socket's all that ended with it.
std::vector<PlaceLatency> TracedAccount::Impl::Latency(const std::vector<Tracer::Slot::Ended>& facts) const {
  std::vector<Histogram> at_hook(hooks.size());
  std::map<std::string, Histogram> at_socket;
  for (const auto& [key, count, aged] : facts) {
    if (aged.empty()) continue;
    std::uint32_t undecided = 0;
    for (std::size_t i = 0; i < hooks.size(); i++) {
      if (!resolver.VerdictAt(i, key)) undecided |= std::uint32_t{1} << i;
    }
    const Outcome outcome = resolver.Resolve(key);
    const bool with_socket =
        outcome.fate == Fate::kDelivered || (outcome.fate == Fate::kDropped && key.path.socket != 0);
    for (const auto& [decided, bucket, packets] : aged) {
      for (std::size_t i = 0; i < hooks.size(); i++) {
        if ((decided & ~undecided & std::uint32_t{1} << i) != 0) at_hook[i].AddBucket(bucket, packets);
      }
      if (decided == 0 && with_socket) at_socket[outcome.place].AddBucket(bucket, packets);
    }
  }
  std::vector<PlaceLatency> latency;
  for (std::size_t i = 0; i < hooks.size(); i++) {
    if (at_hook[i].count() > 0) latency.push_back({resolver.PlaceOf(hooks[i]), at_hook[i]});
  }
  for (const auto& [place, ns] : at_socket) latency.push_back({place, ns});
  return latency;
}

void TracedAccount::Impl::FillPackets(const std::vector<Tracer::Slot::Packet>& facts,
                                      const std::vector<SentTraffic>& sent, AccountResult& result) const {
  std::map<std::uint64_t, PacketFate> packets;
  for (const SentTraffic& each : sent) {
    for (const Refusal& refusal : each.report.refusals) {
      packets[refusal.index] = {refusal.index, std::nullopt,        kVerdictRefused,
                                Fate::kLost,   each.ns + ":socket", ErrnoName(refusal.error)};
    }
  }
  for (const auto& [index, key] : facts) {
    Outcome outcome = resolver.Resolve(key);
    PacketFate packet{index, std::nullopt, kVerdictLost, outcome.fate, outcome.place, outcome.reason};
    if (!hooks.empty()) {
      if (auto code = resolver.VerdictAt(0, key)) {
        packet.code = *code;
        packet.verdict = VerdictName(TypeOfHook(hooks[0]), *code);
      }
    }
    packets[index] = packet;
  }
  for (auto& [index, packet] : packets) result.packets.push_back(std::move(packet));
}

AccountResult TracedAccount::Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) {
  AccountResult result;
  for (const HookedProgram& hook : impl_->hooks) result.hooks.push_back({hook.program, {}});
  std::uint64_t accepted = 0;
  for (const SentTraffic& each : sent) {
    // With a TC program on the way out not all have a birth, but all births have happened.
    if (impl_->EgressHookOf(each) == nullptr) accepted += each.report.packets;
    result.ledger.sent += each.report.attempted;
  }
  auto begin = std::chrono::steady_clock::now();
  impl_->WaitUntilQuiet(accepted, begin + deadline);
  result.quiet_ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin).count());

  volatile ledger_account& shared = impl_->slot.shared();
  shared.active = 0;
  WaitForCpus();  // no program still writes
  Tracer::Slot::Facts facts = impl_->slot.Take();
  for (const auto& ended : facts.ended) impl_->Add(ended, result);
  impl_->MoveFrameLosses(facts.counted, result.ledger);
  const std::uint64_t left = impl_->AddUnborn(sent, facts.packets, result.ledger);
  if (impl_->options.per_packet) impl_->FillPackets(facts.packets, sent, result);
  impl_->AddTurnedRound(sent, left, result);
  result.latency = impl_->Latency(facts.ended);
  result.ledger.Close();
  if (shared.overflow != 0) {
    result.ledger.missing.push_back(fmt::format("{} facts did not fit the tracer's maps", +shared.overflow));
  }
  return result;
}

}  // namespace knetlab
