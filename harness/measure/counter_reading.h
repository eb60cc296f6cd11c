// SPDX-License-Identifier: Apache-2.0
// All counters of a topology's devices and stacks at one moment, for accounts that are made of counters. Each
// of the lab's namespaces is fresh and silent, so what they move by are a run's packets.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "harness/measure/ledger.h"
#include "netns/counters.h"
#include "netns/topology.h"

namespace knetlab {

struct CounterReading {
  std::map<std::string, Counters> driver, link;  // by endpoint
  std::map<std::string, Counters> snmp;          // by namespace: "Udp.InDatagrams"
  bool operator==(const CounterReading&) const = default;

  // Throws Error.
  static CounterReading Of(const Topology& topology);
  // Once two readings with a quiescent state of each CPU between them agree and `complete` holds, or at the
  // deadline.
  static CounterReading WhenQuiet(
      const Topology& topology, std::chrono::nanoseconds deadline,
      const std::function<bool(const CounterReading&)>& complete = [](const CounterReading&) {
        return true;
      });
};

std::uint64_t CounterAt(const Counters& counters, const std::string& name);  // 0 where there is none
// "rx_queue_0_xdp_drops" + "rx_queue_1_xdp_drops" ...
std::uint64_t OverReceiveQueues(const Counters& counters, std::string_view suffix);

// What a stack's counter says about packets that came to it.
struct StackCounter {
  const char* name;
  Fate fate;
  const char* place;
  const char* reason;
};
inline constexpr std::array kStackCounters = {
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

}  // namespace knetlab
