// SPDX-License-Identifier: Apache-2.0
// Sends packets from within the kernel: they lie in a BPF map, and an XDP program that is run with live
// frames (Linux 5.18) makes each frame the next of them and sends it out. About ten times what user space
// sends through AF_PACKET.
//
//   MemoryFeed feed("capture", packets);
//   LiveFrames source(feed, {.loops = 1000});
//   TrafficReport report = source.Send({.ns = &client, .interface = "eth0"});
//
// Packet i of round r is sent exactly once and in this order; with several threads, each of them does so for
// its share, a run of packets of each round. The device must take frames: a veth does where its peer has an
// XDP program or GRO. method.h finds out, and says why not.
//
// Waiting for the pace is done by looking at the clock, which keeps one CPU busy. Packets are bounded by what
// a live frame can have (about 3.3 kB), and by the interface's MTU; with longer ones Send() throws.
//
// No ledger yet: an observer is refused, because the tracer knows packets by their sockets.
//
// Memory: the packets once, in the kernel. What does not fit `max_memory` is read from the feed again while
// it is being sent, round by round, in the memory of some 64 MiB. Send() may be called again and begins anew;
// by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/traffic/pace.h"
#include "harness/traffic/packet_feed.h"
#include "harness/traffic/rewrite.h"
#include "harness/traffic/source.h"

namespace knetlab {

class LiveThread;

struct LiveFramesOptions {
  Pace pace{};
  std::uint64_t loops = 1;
  std::uint64_t count = 0;  // send no more than so many packets; 0: all of all loops
  Rewrite rewrite{};
  // More than one only at pace max and with packets that fit the memory. Each one's frames go to the queue of
  // the CPU that it happens to run on.
  std::uint32_t threads = 1;
  std::uint64_t max_memory = std::uint64_t{4} << 30;
};

class LiveFrames : public TrafficSource {
 public:
  // Goes through the feed twice. The feed must live as long as this. Throws Error.
  LiveFrames(PacketFeed& feed, const LiveFramesOptions& options);
  ~LiveFrames() override;

  std::uint64_t total() const override { return total_; }
  const FeedSummary& summary() const { return summary_; }
  bool streams() const { return streams_; }
  TrafficReport Send(const SendContext& context) override;

 private:
  class Sending;
  class Refill;

  void Fill();

  PacketFeed& feed_;
  LiveFramesOptions options_;
  FeedSummary summary_;
  std::uint64_t total_ = 0;
  bool streams_ = false;
  std::vector<std::unique_ptr<LiveThread>> threads_;
  std::vector<std::uint64_t> shares_;      // packets of a round, of each thread
  std::vector<std::uint32_t> slabs_used_;  // of each thread
};

}  // namespace knetlab
