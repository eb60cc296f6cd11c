// SPDX-License-Identifier: Apache-2.0
// The account for kernels without the tracer's tracepoints: only the kernel's own counters, read before and
// after. Each of the lab's namespaces is fresh and silent, so what its counters moved by are the run's
// packets.
//
//   native XDP             ethtool: rx_queue_N_xdp_{drops,tx,tx_errors,redirect,packets}   exact
//   a full ring, peer down link statistics: tx_dropped of the sending endpoint               exact
//   UDP                    /proc/net/snmp: InDatagrams, NoPorts, RcvbufErrors, InCsumErrors  exact for one
//   socket a packet IP                     /proc/net/snmp: InHdrErrors, InAddrErrors, InUnknownProtos,
//   InDiscards XDP, TC, sockets       the programs' own run counts tell how many packets a generic XDP or TC
//   program saw, not what it decided
//
// What no counter tells (which packet; a drop by TC or generic XDP; the stack's silent refusals) stays
// unaccounted, and the ledger says at which endpoint it was last counted.
#pragma once

#include <string>
#include <vector>

#include "harness/measure/account.h"
#include "harness/measure/counter_reading.h"

namespace knetlab {

class CountedAccount : public Account {
 public:
  CountedAccount(const Topology& topology, std::vector<HookedProgram> hooks, const AccountOptions& options);

  void OnSocket(std::uint64_t cookie, std::uint32_t ifindex) override;
  void OnBatch(std::uint64_t first, std::uint32_t count) override;
  AccountResult Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) override;

 private:
  void CountEndpoint(const EndpointInfo& endpoint, const CounterReading& after, AccountResult& result) const;
  void CountStack(const std::string& ns, const CounterReading& after, Ledger& ledger) const;

  const Topology& topology_;
  std::vector<HookedProgram> hooks_;
  CounterReading before_;
};

}  // namespace knetlab
