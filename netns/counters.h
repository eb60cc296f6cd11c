// SPDX-License-Identifier: Apache-2.0
// Counters of an interface, by name, since the interface exists. Callable from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "netns/namespace.h"

namespace knetlab {

using Counters = std::map<std::string, std::uint64_t>;

// What `ethtool -S` shows: the driver's own ("rx_queue_0_xdp_drops"). Empty for a driver that has none.
// Throws Error.
Counters EthtoolStatistics(const Namespace& ns, const std::string& interface);

// What `ip -s -s link` shows, by the names of struct rtnl_link_stats64: rx_packets, tx_dropped, ... Throws
// Error.
Counters LinkStatistics(const Namespace& ns, const std::string& interface);

}  // namespace knetlab
