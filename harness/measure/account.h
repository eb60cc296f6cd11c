// SPDX-License-Identifier: Apache-2.0
// Follows every packet of a run through a topology and closes the ledger over it.
//
//   auto tracer = std::make_shared<Tracer>();
//   std::unique_ptr<Account> account = OpenAccount(tracer, topology, hooks, {.per_packet = true});
//   TrafficReport sent = replay.Send({.ns = ..., .observer = account.get()});
//   AccountResult result = account->Close({{"client", sent}}, deadline);
//
// How: docs/dev-ledger.md. One Tracer serves many accounts, which may run on several threads at once, each
// with a topology of its own. Tracing costs each packet 100 to 300 ns, so rates and program costs are
// measured without an Account.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/measure/histogram.h"
#include "harness/measure/ledger.h"
#include "harness/measure/tracer.h"
#include "harness/traffic/source.h"
#include "netns/topology.h"

namespace knetlab {

// A program under test and where it sits, so that a packet's end can be put down to it.
struct HookedProgram {
  std::string endpoint;  // "server:eth0"; for socket filters the namespace
  std::string hook;      // the Attacher's kind: "xdp", "tc-ingress", "tc-egress", "socket"
  std::string mode;      // Attachment::Mode(): "xdp native", "xdp generic" ...
  std::string program;   // its name in output
  std::uint64_t socket_cookie =
      0;  // "socket" on a packet socket: SO_COOKIE; a packet's fate is then that socket's
};

// How often a hooked program decided what, over all packets of the account's sources.
struct HookVerdicts {
  std::string program;
  std::map<std::string, std::uint64_t> verdicts;  // "XDP_DROP" -> 120
};

// What really happened to one packet at the first program under test it met.
struct PacketFate {
  std::uint64_t index = 0;
  std::optional<std::int64_t> code;  // verdict at the hook; none where it never got there
  std::string
      verdict;  // "XDP_DROP" ...; "LOST" where it never got there, "REFUSED" where it could not be sent
  Fate fate = Fate::kLost;
  std::string place, reason;
};

// How old packets were, since they were handed to the sender's device, when a place was through with them: a
// hooked program had decided, a socket had been told.
struct PlaceLatency {
  std::string place;  // as in the ledger: "server:eth0 xdp filter", "server:socket 10.0.0.2:53"
  Histogram ns;
};

struct AccountOptions {
  // Fill AccountResult::packets. Behind a TC program on the sending device's way out their numbers are right
  // only where a source sends one packet a system call.
  bool per_packet = false;
  // Some of the packets come from within the kernel (live frames): all are counted, none is followed
  // (frame_account.h).
  bool frames = false;
};

struct AccountResult {
  Ledger ledger;
  std::vector<HookVerdicts> hooks;    // in the order given
  std::vector<PacketFate> packets;    // by index, where asked for; verdict is that of the first hook
  std::vector<PlaceLatency> latency;  // hooks in the order given, then sockets; empty without tracing
  std::uint64_t quiet_ns = 0;         // from the end of sending until nothing was in transit
};

// What one source sent, and from where.
struct SentTraffic {
  std::string ns;  // the sending namespace
  TrafficReport report;
  std::string interface = {};  // the sending device, where a TC program on its way out may redirect
};

class Account : public SendObserver {
 public:
  // Waits until nothing is in transit (or the deadline) and gives the account of everything since it was
  // opened.
  virtual AccountResult Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) = 0;
};

// At most 32 hooks. `topology` must outlive the account. With a tracer each packet is followed
// (traced_account.h); without one only the kernel's counters are read (counted_account.h), which know no
// single packet and not every place. Throws Error where tracing cannot be attached, where per_packet is asked
// of counters, and where frames could meet a program whose verdicts no counter tells.
std::unique_ptr<Account> OpenAccount(std::shared_ptr<Tracer> tracer, const Topology& topology,
                                     std::vector<HookedProgram> hooks, const AccountOptions& options);

}  // namespace knetlab
