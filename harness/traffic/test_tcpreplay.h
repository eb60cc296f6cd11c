// SPDX-License-Identifier: Apache-2.0
// tcpreplay, which benchmarks compare with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "netns/namespace.h"

namespace knetlab::testing {

void WritePcap(const std::string& path, const std::vector<Packet>& packets);  // throws Error

// What `tcpreplay --topspeed --preload-pcap` says that it took to send a capture of so many packets so many
// times out of eth0. Throws Error where it did not send all.
double TcpreplaySeconds(const Namespace& ns, const std::string& capture, std::uint64_t packets,
                        std::uint64_t loops);

}  // namespace knetlab::testing
