// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/step_packets.h"

#include "harness/traffic/flood.h"

namespace knetlab {

Capture PacketsOf(const ReplayStep& step) {
  if (!step.flood) return ReadCapture(step.capture, {.limit = step.limit});
  FloodFeed feed(*step.flood);
  Capture capture;
  capture.path = feed.name();
  while (const Packet* packet = feed.Next()) capture.packets.push_back(*packet);
  return capture;
}

}  // namespace knetlab
