// SPDX-License-Identifier: Apache-2.0
// Everything that comes to, or leaves, one interface, as AF_PACKET sees it: what comes, behind XDP and before
// TC ingress; what leaves, behind TC egress and the qdisc. VLAN tags that the kernel took out of the bytes
// are put back. What it could not keep is counted; nothing is missing unless lost() says so.
//
//   PacketTap tap(ns, "eth0", PacketTap::Direction::kReceived, "server:eth0");
//   ... traffic, until nothing is in transit ...
//   std::vector<Packet> packets = tap.Take();
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "netns/fd.h"
#include "netns/namespace.h"

namespace knetlab {

class PacketTap {
 public:
  enum class Direction { kReceived, kSent };

  // Sees packets from now on, on a thread of its own, and keeps `max_bytes` of them at most. `where` is for
  // errors. Throws Error.
  PacketTap(const Namespace& ns, const std::string& interface, Direction direction, std::string where,
            std::uint64_t max_bytes = std::uint64_t{1} << 30);
  ~PacketTap();
  PacketTap(const PacketTap&) = delete;
  PacketTap& operator=(const PacketTap&) = delete;

  // What was seen since the last call, in order, with everything that the kernel has queued so far. Throws
  // Error where packets were lost since then, with their number.
  std::vector<Packet> Take();

 private:
  void Follow();
  void DrainLocked();

  std::string where_;
  Direction direction_;
  std::uint64_t max_bytes_;
  UniqueFd socket_, wake_;
  std::mutex mutex_;
  std::vector<Packet> packets_;
  std::vector<std::byte> buffer_;
  std::uint64_t bytes_ = 0, lost_ = 0;
  int error_ = 0;  // errno that ended the reading
  std::thread thread_;
};

}  // namespace knetlab
