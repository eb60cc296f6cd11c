// SPDX-License-Identifier: Apache-2.0
// What the lab does by itself so that no packet is lost silently for reasons that have nothing to do with the
// program under test, and tells in notes:
//   - a native XDP program on a veth can send back or redirect only when the other side receives frames (NAPI
//   with XDP): the
//     lab attaches a program that passes everything to each such peer (`xdp_tx_errors`, `xdp_redirect_err`
//     otherwise);
//   - checksums of packets that take a way through XDP are never filled in later: tx checksum offload goes
//   off on these links;
//   - a link whose MTU is not declared gets one that fits the traffic; above 3506 bytes native XDP needs the
//   frags flag.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/program/attach.h"
#include "harness/scenario/model.h"
#include "netns/topology.h"

namespace knetlab {

// The largest MTU at which a veth takes a native XDP program without the frags flag (Linux 5.10 to 6.18, 4
// KiB pages).
inline constexpr int kMaxMtuWithoutFrags = 3506;

// Sets the MTU of links that declare none: 1500, or what the largest frame needs. Gives notes.
std::vector<std::string> FitMtu(TopologySpec& topology, std::size_t largest_frame);

class LabCare {
 public:
  // For native XDP programs at these endpoints of the topology.
  LabCare(const Topology& topology, const std::vector<std::string>& xdp_endpoints);
  ~LabCare();
  LabCare(LabCare&&) noexcept;

  const std::vector<std::string>& notes() const { return notes_; }
  std::vector<int> descriptors() const;  // what its programs live by

 private:
  struct PassProgram;
  void ReceiveFrames(const Topology& topology, const EndpointInfo& endpoint);

  std::unique_ptr<PassProgram> pass_;
  std::vector<std::string> notes_;
};

}  // namespace knetlab
