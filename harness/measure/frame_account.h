// SPDX-License-Identifier: Apache-2.0
// The account of traffic that the kernel sends by itself (live frames), by conservation: what a station was
// given is what it did with it. Frames have no socket and mostly never become an skb, so no event tells of a
// single one; the counters are exact at any rate, and reading them costs the packets nothing.
//
//   station                     what it counts
//   the sender's device         frames that it took, and those that it did not, with errno (TrafficReport)
//   the ring of a veth          tx_dropped
//   native XDP                  packets, drops, tx, tx_errors, redirect, failed redirects of each queue
//   the stack above             UDP sockets and refusals (/proc/net/snmp)
//
// What it cannot tell: which packet; XDP_ABORTED from XDP_DROP; what the stack, netfilter or a TC program
// does with packets that XDP passes, beyond those counters (they are "passed"); by which of two programs a
// packet that a third one met had been redirected; others' packets, should there be any: the ledger does not
// balance then. So only native XDP programs may be attached.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/measure/account.h"
#include "harness/measure/counter_reading.h"

namespace knetlab {

class FrameAccount : public Account {
 public:
  // Throws Error where a program is attached whose verdicts no counter tells.
  FrameAccount(const Topology& topology, std::vector<HookedProgram> hooks);

  void OnSocket(std::uint64_t, std::uint32_t) override {}
  void OnBatch(std::uint64_t, std::uint32_t) override {}
  AccountResult Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) override;

 private:
  struct Station;
  class Closing;

  const Topology& topology_;
  std::vector<HookedProgram> hooks_;
  CounterReading before_;
};

}  // namespace knetlab
