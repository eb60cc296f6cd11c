// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_feed.h"

#include <algorithm>
#include <map>

#include "harness/traffic/pace_schedule.h"
#include "netns/error.h"

namespace knetlab {

FeedSummary Summarise(PacketFeed& feed) {
  FeedSummary summary;
  std::map<std::size_t, std::uint64_t> lengths;
  CaptureClock clock;
  feed.Rewind();
  while (const Packet* packet = feed.Next()) {
    const std::size_t length = packet->bytes.size();
    summary.packets++;
    summary.bytes += length;
    summary.aligned_bytes += (length + 7) / 8 * 8;
    summary.padded += packet->padded ? 1 : 0;
    summary.duration_ns = clock.OffsetNs(packet->time_ns);
    lengths[length]++;
    if (length <= summary.longest) continue;
    summary.longest = length;
    summary.longest_at = summary.packets;
  }
  feed.Rewind();
  if (summary.packets == 0) {
    throw Error({.what = "send", .where = feed.name(), .why = "holds no packets", .hint = "", .detail = ""});
  }
  summary.commonest = std::max_element(lengths.begin(), lengths.end(), [](const auto& a, const auto& b) {
                        return a.second < b.second;
                      })->first;
  return summary;
}

double MeanGapNs(const Pace& pace, const FeedSummary& summary) {
  const auto packets = static_cast<double>(summary.packets);
  switch (pace.kind) {
    case Pace::Kind::kMax:
      return 0;
    case Pace::Kind::kPps:
      return 1e9 / pace.value;
    case Pace::Kind::kMbps:
      return 8e3 / pace.value * static_cast<double>(summary.bytes) / packets;
    case Pace::Kind::kOriginal:
      return static_cast<double>(summary.duration_ns) / packets;
    case Pace::Kind::kMultiplier:
      return static_cast<double>(summary.duration_ns) / packets / pace.value;
  }
  return 0;
}

}  // namespace knetlab
