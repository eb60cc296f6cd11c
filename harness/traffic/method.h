// SPDX-License-Identifier: Apache-2.0
// How packets leave: from within the kernel (live_frames.h), or through AF_PACKET (replay.h), which every
// interface takes.
//
//   CaptureStream capture("dns.pcap");
//   FeedSource source(capture, {.loops = 10}, client, "eth0");
//   TrafficReport report = source.Send({.ns = &client, .interface = "eth0"});  // choice() says how, and why
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/traffic/live_frames.h"
#include "harness/traffic/packet_feed.h"
#include "harness/traffic/replay.h"
#include "harness/traffic/source.h"

namespace knetlab {

enum class Method { kAuto, kLiveFrames, kAfPacket };

// "auto", "live-frames", "af-packet". Throws Error.
Method ParseMethod(std::string_view text);
std::string_view MethodName(Method method);

struct MethodChoice {
  Method method = Method::kAfPacket;  // never kAuto
  std::string why;                    // where auto chose AF_PACKET: what is in the way of live frames
};

// kAuto: live frames where the kernel has them, the interface and its peer take them, every packet fits, and
// the pace leaves no long waits, in which live frames keep a CPU busy. Throws Error where live frames are
// wanted and cannot be, and where there is no such interface.
MethodChoice ChooseMethod(Method wanted, const Namespace& ns, const std::string& interface,
                          const FeedSummary& summary, const Pace& pace);

struct SendOptions {
  Method method = Method::kAuto;
  Pace pace{};
  std::uint64_t loops = 1;
  std::uint64_t count = 0;  // no more than so many packets; 0: all of all loops
  Rewrite rewrite{};
  std::uint32_t threads = 1;  // of live frames
  bool qdisc_bypass = false;  // of AF_PACKET
};

// Sends a feed out of one interface by the method that fits. The feed must live as long as this.
class FeedSource : public TrafficSource {
 public:
  // Throws Error.
  FeedSource(PacketFeed& feed, const SendOptions& options, const Namespace& ns, const std::string& interface);

  const MethodChoice& choice() const { return choice_; }
  const FeedSummary& summary() const { return summary_; }
  std::uint64_t total() const override { return source_->total(); }
  // Out of the interface that was given to the constructor.
  TrafficReport Send(const SendContext& context) override { return source_->Send(context); }

 private:
  FeedSummary summary_;
  MethodChoice choice_;
  std::unique_ptr<TrafficSource> source_;
};

}  // namespace knetlab
