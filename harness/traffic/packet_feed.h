// SPDX-License-Identifier: Apache-2.0
// Packets one after another, as often as they are wanted: from memory, from a file too large for it
// (capture_stream.h), or made on the way (flood.h). One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/pace.h"

namespace knetlab {

class PacketFeed {
 public:
  virtual ~PacketFeed() = default;
  // Where the packets come from, for errors: a file's path.
  virtual const std::string& name() const = 0;
  // The next packet, valid until the next call; null at the end of a round. Throws Error.
  virtual const Packet* Next() = 0;
  // The next packet is the first one again, and all are as before.
  virtual void Rewind() = 0;
};

// Packets in memory, which belong to somebody else.
class MemoryFeed : public PacketFeed {
 public:
  MemoryFeed(std::string name, const std::vector<Packet>& packets)
      : name_(std::move(name)), packets_(packets) {}
  const std::string& name() const override { return name_; }
  const Packet* Next() override { return next_ < packets_.size() ? &packets_[next_++] : nullptr; }
  void Rewind() override { next_ = 0; }

 private:
  std::string name_;
  const std::vector<Packet>& packets_;
  std::size_t next_ = 0;
};

// What a sender must know before it begins.
struct FeedSummary {
  std::uint64_t packets = 0;  // of one round
  std::uint64_t bytes = 0;
  std::uint64_t padded = 0;         // packets that were
  std::uint64_t aligned_bytes = 0;  // each packet's rounded up to 8
  std::size_t longest = 0;          // bytes
  std::uint64_t longest_at = 0;     // number of the first packet as long as that
  std::size_t commonest = 0;        // the length that most packets have
  std::uint64_t duration_ns = 0;    // by the packets' times, as CaptureClock reads them
};

// Goes through all packets once. Throws Error, also where there are none.
FeedSummary Summarise(PacketFeed& feed);

// Nanoseconds between two of its packets at this pace, on the average.
double MeanGapNs(const Pace& pace, const FeedSummary& summary);

}  // namespace knetlab
