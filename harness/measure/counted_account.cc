// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/counted_account.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "harness/measure/account_common.h"
#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {
namespace {

std::uint64_t At(const Counters& counters, const std::string& name) {
  auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

// "rx_queue_0_xdp_drops" + "rx_queue_1_xdp_drops" ...
std::uint64_t OverQueues(const Counters& counters, std::string_view suffix) {
  std::uint64_t sum = 0;
  for (const auto& [name, value] : counters) {
    if (name.starts_with("rx_queue_") && name.ends_with(suffix) && name.size() - suffix.size() <= 12)
      sum += value;
  }
  return sum;
}

// /proc/net/snmp: pairs of lines, "Udp: InDatagrams NoPorts" and "Udp: 12 3"; negative values are gauges and
// left out.
Counters ParseSnmp(std::istream& in) {
  Counters counters;
  std::string names_line, values_line;
  while (std::getline(in, names_line) && std::getline(in, values_line)) {
    std::istringstream names(names_line), values(values_line);
    std::string group, name, ignored;
    long long value = 0;
    names >> group;
    values >> ignored;
    while (names >> name && values >> value) {
      if (value >= 0)
        counters[group.substr(0, group.size() - 1) + "." + name] = static_cast<std::uint64_t>(value);
    }
  }
  return counters;
}

struct StackCounter {
  const char* name;
  Fate fate;
  const char* place;
  const char* reason;
};
constexpr std::array kStackCounters = {
    StackCounter{"Udp.InDatagrams", Fate::kDelivered, "socket", ""},
    StackCounter{"Udp.NoPorts", Fate::kPassed, "udp", "NO_SOCKET"},
    StackCounter{"Udp.RcvbufErrors", Fate::kLost, "socket", "SOCKET_RCVBUFF"},
    StackCounter{"Udp.InCsumErrors", Fate::kPassed, "udp", "UDP_CSUM"},
    StackCounter{"Ip.InHdrErrors", Fate::kPassed, "ip", "IP_INHDR"},
    StackCounter{"Ip.InAddrErrors", Fate::kPassed, "ip", "IP_INNOROUTES"},
    StackCounter{"Ip.InUnknownProtos", Fate::kPassed, "ip", "IP_NOPROTO"},
    StackCounter{"Ip.InDiscards", Fate::kDropped, "ip", "discarded"},
    StackCounter{"Icmp.InMsgs", Fate::kPassed, "icmp", ""},
    StackCounter{"Tcp.InSegs", Fate::kPassed, "tcp", ""},
};

}  // namespace

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
  before_ = Read();
}

void CountedAccount::OnSocket(std::uint64_t, std::uint32_t) {}

void CountedAccount::OnBatch(std::uint64_t, std::uint32_t) {}

CountedAccount::Reading CountedAccount::Read() const {
  Reading reading;
  for (const EndpointInfo& endpoint : topology_.endpoints()) {
    const Namespace& ns = topology_.ns(endpoint.ns);
    reading.driver[endpoint.ToString()] = EthtoolStatistics(ns, endpoint.interface);
    reading.link[endpoint.ToString()] = LinkStatistics(ns, endpoint.interface);
  }
  for (const NamespaceSpec& spec : topology_.spec().namespaces) {
    reading.snmp[spec.name] = topology_.ns(spec.name).Run([] {
      std::ifstream file("/proc/thread-self/net/snmp");
      return ParseSnmp(file);
    });
  }
  return reading;
}

CountedAccount::Reading CountedAccount::ReadWhenQuiet(std::chrono::nanoseconds deadline) const {
  auto end = std::chrono::steady_clock::now() + deadline;
  Reading last = Read();
  for (;;) {
    WaitForCpus();
    Reading now = Read();
    if (now == last || std::chrono::steady_clock::now() >= end) return now;
    last = std::move(now);
  }
}

void CountedAccount::CountEndpoint(const EndpointInfo& endpoint, const Reading& after,
                                   AccountResult& result) const {
  const std::string name = endpoint.ToString(), peer = endpoint.peer_ns + ":" + endpoint.peer_interface;
  auto moved = [&](std::string_view suffix) {
    return OverQueues(after.driver.at(name), suffix) - OverQueues(before_.driver.at(name), suffix);
  };
  Ledger& ledger = result.ledger;
  ledger.Add(Fate::kLost, peer + " ring", "FULL_RING",
             At(after.link.at(name), "tx_dropped") - At(before_.link.at(name), "tx_dropped"));
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

void CountedAccount::CountStack(const std::string& ns, const Reading& after, Ledger& ledger) const {
  for (const StackCounter& counter : kStackCounters) {
    std::uint64_t moved = At(after.snmp.at(ns), counter.name) - At(before_.snmp.at(ns), counter.name);
    ledger.Add(counter.fate, ns + ":" + counter.place, counter.reason, moved);
  }
}

AccountResult CountedAccount::Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) {
  AccountResult result;
  for (const HookedProgram& hook : hooks_) result.hooks.push_back({hook.program, {}});
  auto begin = std::chrono::steady_clock::now();
  Reading after = ReadWhenQuiet(deadline);
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
