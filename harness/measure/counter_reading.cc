// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/counter_reading.h"

#include <fstream>
#include <sstream>

#include "harness/measure/account_common.h"

namespace knetlab {
namespace {

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

}  // namespace

std::uint64_t CounterAt(const Counters& counters, const std::string& name) {
  auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

std::uint64_t OverReceiveQueues(const Counters& counters, std::string_view suffix) {
  std::uint64_t sum = 0;
  for (const auto& [name, value] : counters) {
    if (name.starts_with("rx_queue_") && name.ends_with(suffix) && name.size() - suffix.size() <= 12)
      sum += value;
  }
  return sum;
}

CounterReading CounterReading::Of(const Topology& topology) {
  CounterReading reading;
  for (const EndpointInfo& endpoint : topology.endpoints()) {
    const Namespace& ns = topology.ns(endpoint.ns);
    reading.driver[endpoint.ToString()] = EthtoolStatistics(ns, endpoint.interface);
    reading.link[endpoint.ToString()] = LinkStatistics(ns, endpoint.interface);
  }
  for (const NamespaceSpec& spec : topology.spec().namespaces) {
    reading.snmp[spec.name] = topology.ns(spec.name).Run([] {
      std::ifstream file("/proc/thread-self/net/snmp");
      return ParseSnmp(file);
    });
  }
  return reading;
}

CounterReading CounterReading::WhenQuiet(const Topology& topology, std::chrono::nanoseconds deadline,
                                         const std::function<bool(const CounterReading&)>& complete) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  CounterReading last = Of(topology);
  for (;;) {
    WaitForCpus();
    CounterReading now = Of(topology);
    if ((now == last && complete(now)) || std::chrono::steady_clock::now() >= end) return now;
    last = std::move(now);
  }
}

}  // namespace knetlab
