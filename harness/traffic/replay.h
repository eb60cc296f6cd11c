// SPDX-License-Identifier: Apache-2.0
// Replays a capture through AF_PACKET (sendmmsg).
//
// Waiting for the pace is done by clock_nanosleep to absolute times, never by an accumulating delay.
#pragma once

#include <cstdint>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/pace.h"
#include "harness/traffic/rewrite.h"
#include "harness/traffic/source.h"

namespace knetlab {

struct ReplayOptions {
  Pace pace{};
  std::uint64_t loops = 1;
  std::uint64_t count = 0;  // send no more than so many packets; 0: all of all loops
  Rewrite rewrite{};
  std::uint32_t batch = 64;  // packets a system call at pace max
  // Skip the qdisc layer (PACKET_QDISC_BYPASS): faster, but TC egress and qdiscs of the sending endpoint do
  // not see the packets.
  bool qdisc_bypass = false;
};

class Replay : public TrafficSource {
 public:
  Replay(Capture capture, const ReplayOptions& options);
  std::uint64_t total() const override;
  TrafficReport Send(const SendContext& context) override;

 private:
  std::vector<Packet> packets_;
  ReplayOptions options_;
  std::uint64_t total_ = 0;
};

}  // namespace knetlab
