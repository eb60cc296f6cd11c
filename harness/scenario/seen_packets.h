// SPDX-License-Identifier: Apache-2.0
// The packets that `expect: packets:` is about, collected while a scenario runs: on the wire rig by taps at
// the endpoints, on the unit rig from what the programs give back.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/scenario/golden.h"
#include "harness/scenario/model.h"
#include "harness/traffic/packet_tap.h"
#include "netns/topology.h"

namespace knetlab {

// Why the unit rig cannot tell what is seen there; "" where it can. It knows the link that a replay sends
// into, and nothing that a stack would send or that was redirected.
std::string WhyUnitCannotSee(const Scenario& scenario, const PacketsCheck& check);

// The endpoint at the other end of the link; "" where there is none.
std::string PeerOf(const TopologySpec& topology, const std::string& endpoint);

// What was seen where since the last `expect`.
class SeenPackets {
 public:
  explicit SeenPackets(const Scenario& scenario);

  // Kept where some `expect` wants it. `sent`: it left the endpoint, else it came to it.
  void AddAt(const std::string& endpoint, bool sent, const std::vector<std::byte>& bytes);
  void AddFrom(const std::string& program, const std::vector<std::byte>& bytes);
  void Set(const std::string& endpoint, bool sent, std::vector<Packet> packets);

  // Compares, and begins anew.
  std::vector<CheckResult> Check(const ExpectStep& step, const GoldenOptions& options,
                                 std::vector<std::string>& notes);

 private:
  using Place = std::pair<std::string, bool>;  // endpoint and sent; or a program's label
  static Place PlaceOf(const PacketsCheck& check);
  void Add(const Place& place, const std::vector<std::byte>& bytes);

  std::map<Place, std::vector<Packet>> packets_;
};

// The taps of a scenario, open from its construction.
class EndpointTaps {
 public:
  // Throws Error: at a check that is about a program, which no tap sees.
  EndpointTaps(const Scenario& scenario, const Topology& topology);
  // What each saw since the last call; nothing may be in transit. Throws Error where packets were lost.
  void CollectInto(SeenPackets& seen);

 private:
  struct Tap {
    std::string endpoint;
    bool sent = false;
    std::unique_ptr<PacketTap> tap;
  };
  std::vector<Tap> taps_;
};

}  // namespace knetlab
