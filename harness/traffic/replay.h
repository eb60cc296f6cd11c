// SPDX-License-Identifier: Apache-2.0
// Replays a capture through AF_PACKET (sendmmsg).
//
// Pace: `original` keeps the capture's gaps, `multiplier` divides them, `pps` spaces packets evenly, `max`
// sends as fast as the kernel takes them. Waiting is done by clock_nanosleep to absolute times, never by an
// accumulating delay.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/rewrite.h"
#include "harness/traffic/source.h"

namespace knetlab {

struct Pace {
  enum class Kind { kMax, kOriginal, kMultiplier, kPps };
  Kind kind = Kind::kMax;
  double value = 0;  // of kMultiplier and kPps

  // "max", "original", "x2.5", "1000pps", or a bare number: packets a second. Throws Error.
  static Pace Parse(std::string_view text);
};

struct ReplayOptions {
  Pace pace{};
  std::uint64_t loops = 1;
  Rewrite rewrite{};
  std::uint32_t batch = 64;  // packets a system call at pace max
  // Skip the qdisc layer (PACKET_QDISC_BYPASS): faster, but TC egress and qdiscs of the sending endpoint do
  // not see the packets.
  bool qdisc_bypass = false;
};

class Replay : public TrafficSource {
 public:
  Replay(const Capture& capture, const ReplayOptions& options);
  std::uint64_t total() const override;
  TrafficReport Send(const SendContext& context) override;

 private:
  std::vector<Packet> packets_;
  ReplayOptions options_;
};

}  // namespace knetlab
