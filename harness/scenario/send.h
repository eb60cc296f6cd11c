// SPDX-License-Identifier: Apache-2.0
// Sends packets out of any interface of this machine, without a scenario: what `knetlab replay` and
// `knetlab flood` do. No ledger: who receives them is not the lab's.
//
//   CaptureStream capture("dns.pcap");
//   SendResult result = SendOut(capture, {.interface = "eth0", .options = {.loops = 10}}, stop);
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "harness/traffic/method.h"
#include "harness/traffic/packet_feed.h"
#include "harness/traffic/source.h"

namespace knetlab {

struct SendRequest {
  std::string interface;
  std::string netns;  // a name below /run/netns, or a path; empty: the caller's
  SendOptions options{};
  // Ends it early, if the packets last so long; without end where loops are kEndlessLoops.
  std::optional<std::chrono::nanoseconds> duration{};
};

inline constexpr std::uint64_t kEndlessLoops = ~std::uint64_t{0};

struct SendResult {
  TrafficReport report;
  MethodChoice choice;
  FeedSummary summary;  // of one round
};

// Returns when all is sent, the time is up, or `stop` was requested. Throws Error where nothing can be sent.
SendResult SendOut(PacketFeed& feed, const SendRequest& request, std::stop_token stop);

}  // namespace knetlab
