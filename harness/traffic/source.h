// SPDX-License-Identifier: Apache-2.0
// Something that sends packets out of an endpoint: Replay (replay.h) through AF_PACKET, LiveFrames
// (live_frames.h) from within the kernel.
//
// A source says which packets it hands over before it does, so that a ledger can tell them from all others:
// see SendObserver.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "netns/namespace.h"

namespace knetlab {

// Called on the sending thread, inside the namespace. Must not throw and must be quick.
class SendObserver {
 public:
  virtual ~SendObserver() = default;
  // A socket is about to send out of the device `ifindex`; its SO_COOKIE is how a BPF program knows it.
  // Called once for each socket.
  virtual void OnSocket(std::uint64_t cookie, std::uint32_t ifindex) = 0;
  // The next system call offers packets numbered first, first + 1 ... in this order. When it ends early, the
  // packet it ended at is not offered again.
  virtual void OnBatch(std::uint64_t first, std::uint32_t count) = 0;
};

struct SendContext {
  const Namespace* ns = nullptr;
  std::string interface;
  SendObserver* observer = nullptr;  // may be null
  std::uint64_t first_index = 1;     // number of the first packet, for the observer
  std::stop_token stop{};            // ends the sending early, counted
};

// A packet that the kernel would not take.
struct Refusal {
  std::uint64_t index = 0;  // as told to the observer
  int error = 0;            // errno: EMSGSIZE, ENETDOWN, ENOBUFS ...
};

// Frames that the device did not take; which ones they were is not known.
struct FrameLoss {
  std::string reason;  // "FULL_RING", an errno's name, "NO_ROOM_IN_FRAME"
  std::uint64_t count = 0;
};

struct TrafficReport {
  std::string method;             // "af-packet" or "live-frames"
  std::uint64_t packets = 0;      // taken by the kernel
  std::uint64_t bytes = 0;        // of those
  std::uint64_t attempted = 0;    // packets + refusals + unsent
  std::vector<Refusal> refusals;  // all whose number is known
  std::uint64_t unsent = 0;       // frames that the device did not take
  std::vector<FrameLoss> lost;    // why; the counts sum to `unsent`
  // From the first packet to the last; at a constant rate to the end of the last one's time, so that N
  // packets at a rate of r last N/r and not (N - 1)/r.
  std::uint64_t duration_ns = 0;

  std::uint64_t failed() const { return refusals.size() + unsent; }
};

class TrafficSource {
 public:
  virtual ~TrafficSource() = default;
  // How many packets a whole run offers.
  virtual std::uint64_t total() const = 0;
  // Sends and returns when all is handed over or `stop` was requested. Throws Error where nothing can be sent
  // at all.
  virtual TrafficReport Send(const SendContext& context) = 0;
};

}  // namespace knetlab
