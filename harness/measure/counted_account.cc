// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/counted_account.h"

#include <fmt/format.h>

#include <cerrno>
#include <set>
#include <string_view>

#include "harness/measure/account_common.h"
#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {

CountedAccount::CountedAccount(const Topology& topology, std::vector<HookedProgram> hooks,
                               const AccountOptions& options)
    : topology_(topology), hooks_(std::move(hooks)) {
  if (options.per_packet) {
    throw Error({.what = "open an account",
                 .where = "",
                 .why = "counters do not know single packets",
                 .hint = "needs tp_btf programs: see knetlab doctor",
                 .detail = "",
                 .code = EOPNOTSUPP});
  }
  before_ = CounterReading::Of(topology_);
}

void CountedAccount::OnSocket(std::uint64_t, std::uint32_t) {}

void CountedAccount::OnBatch(std::uint64_t, std::uint32_t) {}

void CountedAccount::CountEndpoint(const EndpointInfo& endpoint, const CounterReading& after,
                                   AccountResult& result) const {
  const std::string name = endpoint.ToString(), peer = endpoint.peer_ns + ":" + endpoint.peer_interface;
  auto moved = [&](std::string_view suffix) {
    return OverReceiveQueues(after.driver.at(name), suffix) -
           OverReceiveQueues(before_.driver.at(name), suffix);
  };
  Ledger& ledger = result.ledger;
  ledger.Add(Fate::kLost, peer + " ring", "FULL_RING",
             CounterAt(after.link.at(name), "tx_dropped") - CounterAt(before_.link.at(name), "tx_dropped"));
  for (std::size_t i = 0; i < hooks_.size(); i++) {
    const HookedProgram& hook = hooks_[i];
    if (hook.endpoint != name || hook.mode != "xdp native") continue;
    const std::string place = name + " xdp " + hook.program;
    const std::uint64_t seen = moved("_xdp_packets"), drops = moved("_xdp_drops"), sent = moved("_xdp_tx"),
                        sent_errors = moved("_xdp_tx_errors"), redirected = moved("_xdp_redirect");
    ledger.Add(Fate::kDropped, place, "XDP_DROP", drops);
    ledger.Add(Fate::kTransmitted, place, "XDP_TX", sent);
    ledger.Add(Fate::kLost, name + " xdp tx", "XDP_TX", sent_errors);
    ledger.Add(Fate::kRedirected, place, "XDP_REDIRECT", redirected);
    auto& verdicts = result.hooks[i].verdicts;
    if (drops > 0) verdicts["XDP_DROP"] = drops;
    if (sent + sent_errors > 0) verdicts["XDP_TX"] = sent + sent_errors;
    if (redirected > 0) verdicts["XDP_REDIRECT"] = redirected;
    if (std::uint64_t decided = drops + sent + sent_errors + redirected; seen > decided)
      verdicts["XDP_PASS"] = seen - decided;
  }
}

void CountedAccount::CountStack(const std::string& ns, const CounterReading& after, Ledger& ledger) const {
  for (const StackCounter& counter : kStackCounters) {
    std::uint64_t moved =
        CounterAt(after.snmp.at(ns), counter.name) - CounterAt(before_.snmp.at(ns), counter.name);
    ledger.Add(counter.fate, ns + ":" + counter.place, counter.reason, moved);
  }
}

AccountResult CountedAccount::Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) {
  AccountResult result;
  for (const HookedProgram& hook : hooks_) result.hooks.push_back({hook.program, {}});
  auto begin = std::chrono::steady_clock::now();
  const CounterReading after = CounterReading::WhenQuiet(topology_, deadline);
  result.quiet_ns = static_cast<std::uint64_t>((std::chrono::steady_clock::now() - begin).count());
  std::set<std::string> senders;
  for (const SentTraffic& each : sent) {
    senders.insert(each.ns);
    result.ledger.sent += each.report.attempted;
    for (const Refusal& refusal : each.report.refusals)
      result.ledger.Add(Fate::kLost, each.ns + ":socket", ErrnoName(refusal.error), 1);
  }
  for (const EndpointInfo& endpoint : topology_.endpoints()) {
    if (!endpoint.peer_interface.empty()) CountEndpoint(endpoint, after, result);
  }
  for (const NamespaceSpec& spec : topology_.spec().namespaces) {
    // What comes back to the sender is not what it sent.
    if (!senders.contains(spec.name)) CountStack(spec.name, after, result.ledger);
  }
  result.ledger.Close();
  if (!result.ledger.balanced()) {
    result.ledger.missing.push_back(fmt::format(
        "{}: this kernel's counters do not tell more (no tp_btf tracing)", LedgerSentence(result.ledger)));
  }
  return result;
}

}  // namespace knetlab
