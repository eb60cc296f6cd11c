// SPDX-License-Identifier: Apache-2.0
// Floods: packets made from a template whose fields vary, the same ones in the same order for the same seed,
// on every machine. Lengths and checksums are right.
//
//   FloodFeed feed({.flood = "syn", .sets = {"dst=10.0.0.2", "dport=22,80,443"}, .seed = 42});
//   LiveFrames source(feed, {.count = 1'000'000});
//
// What a flood can be:
//   syn ack udp icmp dns-query dns-response fragments    one of the templates
//   mixed, mixed:syn=4,udp=3,dns-query=2,icmp=1          several, by weights
//   hex:0200...                                          a packet as hexadecimal digits
//   FILE                                                 the packets of a capture, in turn
//
// Templates send from addresses for benchmarks (198.18.0.0/15, RFC 2544; 2001:2::/48, RFC 5180) to 10.0.0.2
// or fd00::2; `sets` (flood_field.h) say otherwise. Packets of one's own stay as they are but for `sets`.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/traffic/flood_field.h"
#include "harness/traffic/flood_packet.h"
#include "harness/traffic/packet_feed.h"

namespace knetlab {

struct FloodOptions {
  std::string flood;
  std::vector<std::string> sets{};  // FIELD=SPEC
  bool ipv6 = false;                // of templates; also where an address of `sets` is one
  std::uint64_t seed = 1;
  std::uint64_t packets = 65'536;  // of a round
};

class FloodFeed : public PacketFeed {
 public:
  // Throws Error: no such template, field or value; a field that these packets do not have.
  explicit FloodFeed(const FloodOptions& options);
  ~FloodFeed() override;

  const std::string& name() const override { return options_.flood; }
  const Packet* Next() override;
  void Rewind() override;

 private:
  struct Part;  // of a mixed flood, or the only one

  void AddParts();
  void AddPart(std::string_view text, std::uint64_t weight);
  std::vector<FloodSpec> SpecsFor(const std::vector<std::string>& defaults) const;
  void RequireFields() const;
  void Make();

  FloodOptions options_;
  std::vector<FloodSpec> sets_;
  std::vector<Part> parts_;
  std::uint64_t weights_ = 0;  // of all parts
  FloodRandom random_;
  std::uint64_t made_ = 0, given_ = 0;  // packets; fragments are given one by one
  std::deque<FloodPacket> ready_;
  Packet packet_;
};

std::vector<std::string> FloodTemplateNames();

}  // namespace knetlab
