// SPDX-License-Identifier: Apache-2.0
// What the lab itself adds to every latency: the same clock, tracer, sender and kind of link, with nothing
// under test. 1000 datagrams of 60 bytes go through a fresh veth pair as fast as possible,
//   - "rig floor xdp": to a native XDP program that drops everything at once, until they are dropped;
//   - "rig floor socket": with no program anywhere, until a UDP socket was told.
// A verdict that lets a packet go on is seen at the packet's next event: after native XDP that is GRO, some
// 0.5 us later; after generic XDP and TC it is the socket or the packet's end, so their floor is the
// socket's.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "harness/measure/tracer.h"
#include "harness/scenario/rig.h"

namespace knetlab {

inline constexpr std::string_view kRigFloor = "rig floor";  // how the places of the floor begin

// Takes some 0.1 s. Needs root. Throws Error.
std::vector<LatencyResult> MeasureLatencyFloor(const std::shared_ptr<Tracer>& tracer);

}  // namespace knetlab
