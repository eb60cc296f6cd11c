// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/lab_care.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "bpf/pass.skel.h"
#include "harness/traffic/packet_headers.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kDefaultMtu = 1500, kMaxVethMtu = 65535;

}  // namespace

std::vector<std::string> FitMtu(TopologySpec& topology, std::size_t largest_frame) {
  std::vector<std::string> notes;
  int wanted = std::clamp(
      static_cast<int>(std::min<std::size_t>(largest_frame, 1 << 20)) - static_cast<int>(kEthernetHeader),
      kDefaultMtu, kMaxVethMtu);
  for (LinkSpec& link : topology.links) {
    if (link.mtu != 0) continue;
    link.mtu = wanted;
    if (wanted == kDefaultMtu) continue;
    notes.push_back(fmt::format("MTU {} on {} - {}, for frames of {} bytes", wanted, link.ends[0].ToString(),
                                link.ends[1].ToString(), largest_frame));
  }
  return notes;
}

struct LabCare::PassProgram {
  struct Deleter {
    void operator()(pass_bpf* opened) const { pass_bpf__destroy(opened); }
  };
  std::unique_ptr<pass_bpf, Deleter> skeleton;
  std::vector<UniqueFd> links;
};

LabCare::LabCare(const Topology& topology, const std::vector<std::string>& xdp_endpoints)
    : pass_(std::make_unique<PassProgram>()) {
  if (xdp_endpoints.empty()) return;
  pass_->skeleton.reset(pass_bpf__open_and_load());
  if (!pass_->skeleton) throw ErrnoError("load the lab's own program", "pass.bpf.o", errno);
  std::set<std::string> taken(xdp_endpoints.begin(), xdp_endpoints.end()), namespaces;
  for (const std::string& name : xdp_endpoints) namespaces.insert(topology.endpoint(name).ns);
  // A program can redirect to any endpoint of its namespace, so the peers of all of them must be able to
  // receive.
  for (const EndpointInfo& endpoint : topology.endpoints()) {
    if (!namespaces.contains(endpoint.ns) || endpoint.peer_interface.empty()) continue;
    std::string peer_name = endpoint.peer_ns + ":" + endpoint.peer_interface;
    const EndpointInfo& peer = topology.endpoint(peer_name);
    if (taken.insert(peer_name).second) ReceiveFrames(topology, peer);
    for (const EndpointInfo* end : {&endpoint, &peer})
      topology.SetOffload(*end, "tx-checksum-ip-generic", false);
    notes_.push_back(fmt::format("tx checksum offload off on {} and {}", endpoint.ToString(), peer_name));
  }
}

LabCare::~LabCare() = default;
LabCare::LabCare(LabCare&&) noexcept = default;

std::vector<int> LabCare::descriptors() const {
  std::vector<int> all;
  for (const UniqueFd& link : pass_->links) all.push_back(link.get());
  return all;
}

void LabCare::ReceiveFrames(const Topology& topology, const EndpointInfo& endpoint) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
  int program = bpf_program__fd(pass_->skeleton->progs.knetlab_pass);
  int link = topology.ns(endpoint.ns).Run([&] {
    int fd = bpf_link_create(program, endpoint.ifindex, BPF_XDP, &options);
    return fd < 0 ? -errno : fd;
  });
  if (link < 0) throw ErrnoError("let frames be received at", endpoint.ToString(), -link);
  pass_->links.emplace_back(link);
  notes_.push_back(
      fmt::format("XDP pass program on {}, so that frames sent to it are received", endpoint.ToString()));
}

}  // namespace knetlab
