// SPDX-License-Identifier: Apache-2.0
// Many copies of one frame, fast, out of an interface: an XDP program run with live frames (Linux 5.18) sends
// them from inside the kernel. What it sends is what captures are measured with.
//
//   const std::uint64_t sent = SendLiveFrames(ns, "eth0", frame, {.pps = 2e6, .frames = 20'000'000, .cpu =
//   0});
//
// The veth's other end needs an XDP program or GRO, else frames vanish there. Throws Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "netns/namespace.h"

namespace knetlab {

struct LiveFramesOptions {
  double pps = 0;            // 0: as fast as it goes
  std::uint64_t frames = 0;  // how many
  int cpu = -1;              // where the sending thread runs, and with a veth who receives; -1: anywhere
};

struct LiveFramesReport {
  std::uint64_t sent = 0;
  double seconds = 0;
};

// On a thread of its own; returns when all are sent.
LiveFramesReport SendLiveFrames(const Namespace& ns, const std::string& interface,
                                std::span<const std::byte> frame, const LiveFramesOptions& options);

}  // namespace knetlab
