// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/seen_packets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "harness/scenario/located_error.h"

namespace knetlab {
namespace {

template <typename F>
void ForEachCheck(const Scenario& scenario, F&& work) {
  for (const Step& step : scenario.steps) {
    if (const auto* expect = std::get_if<ExpectStep>(&step.what)) {
      for (const PacketsCheck& check : expect->packets) work(check);
    }
  }
}

bool HasXdp(const Scenario& scenario, const std::string& endpoint) {
  return std::any_of(scenario.programs.begin(), scenario.programs.end(), [&](const ProgramSpec& program) {
    return std::any_of(program.attach.begin(), program.attach.end(), [&](const AttachSpec& attach) {
      return attach.kind == "xdp" && attach.target == endpoint;
    });
  });
}

}  // namespace

std::string PeerOf(const TopologySpec& topology, const std::string& endpoint) {
  for (const LinkSpec& link : topology.links) {
    if (link.ends[0].ToString() == endpoint) return link.ends[1].ToString();
    if (link.ends[1].ToString() == endpoint) return link.ends[0].ToString();
  }
  return "";
}

std::string WhyUnitCannotSee(const Scenario& scenario, const PacketsCheck& check) {
  if (!check.program.empty()) return "";
  for (const Step& step : scenario.steps) {
    const auto* replay = std::get_if<ReplayStep>(&step.what);
    if (replay == nullptr) continue;
    const bool sender = check.at == replay->from, peer = check.at == PeerOf(scenario.topology, replay->from);
    if (!sender && !peer) return fmt::format("no way for a packet from {} to {}", replay->from, check.at);
    if (peer && check.sent) return fmt::format("no stack that would send from {}", check.at);
    if (sender && !check.sent && HasXdp(scenario, check.at))
      return fmt::format("no way back to {}, where XDP would see it", check.at);
  }
  return "";
}

SeenPackets::SeenPackets(const Scenario& scenario) {
  ForEachCheck(scenario, [&](const PacketsCheck& check) { packets_[PlaceOf(check)]; });
}

SeenPackets::Place SeenPackets::PlaceOf(const PacketsCheck& check) {
  // The label of a program has no colon, an endpoint has one.
  return {check.at.empty() ? check.program : check.at, check.sent};
}

void SeenPackets::Add(const Place& place, const std::vector<std::byte>& bytes) {
  const auto found = packets_.find(place);
  if (found == packets_.end()) return;
  found->second.push_back({.bytes = bytes, .wire_length = static_cast<std::uint32_t>(bytes.size())});
}

void SeenPackets::AddAt(const std::string& endpoint, bool sent, const std::vector<std::byte>& bytes) {
  Add({endpoint, sent}, bytes);
}

void SeenPackets::AddFrom(const std::string& program, const std::vector<std::byte>& bytes) {
  Add({program, false}, bytes);
}

void SeenPackets::Set(const std::string& endpoint, bool sent, std::vector<Packet> packets) {
  packets_[{endpoint, sent}] = std::move(packets);
}

std::vector<CheckResult> SeenPackets::Check(const ExpectStep& step, const GoldenOptions& options,
                                            std::vector<std::string>& notes) {
  std::vector<CheckResult> results;
  for (const PacketsCheck& check : step.packets) {
    for (CheckResult& result : CheckPackets(check, packets_.at(PlaceOf(check)), options, notes))
      results.push_back(std::move(result));
  }
  for (auto& [place, packets] : packets_) packets.clear();
  return results;
}

EndpointTaps::EndpointTaps(const Scenario& scenario, const Topology& topology) {
  ForEachCheck(scenario, [&](const PacketsCheck& check) {
    if (check.at.empty())
      throw Error({.what = "run on the wire rig",
                   .where = check.mark.ToString(),
                   .why = "the wire rig sees packets at endpoints, not as they come out of a program",
                   .hint = "give \"at\", or use --rig unit",
                   .detail = "",
                   .code = EOPNOTSUPP});
    const auto same = [&](const Tap& tap) { return tap.endpoint == check.at && tap.sent == check.sent; };
    if (std::any_of(taps_.begin(), taps_.end(), same)) return;
    WithMark(check.mark, [&] {
      const EndpointInfo& endpoint = topology.endpoint(check.at);
      taps_.push_back(
          {check.at, check.sent,
           std::make_unique<PacketTap>(
               topology.ns(endpoint.ns), endpoint.interface,
               check.sent ? PacketTap::Direction::kSent : PacketTap::Direction::kReceived, check.at)});
    });
  });
}

void EndpointTaps::CollectInto(SeenPackets& seen) {
  for (const Tap& tap : taps_) seen.Set(tap.endpoint, tap.sent, tap.tap->Take());
}

}  // namespace knetlab
