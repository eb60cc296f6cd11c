// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/latency_floor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "bpf/drop.skel.h"
#include "harness/measure/account.h"
#include "harness/scenario/lab_care.h"
#include "harness/scenario/latency.h"
#include "harness/traffic/receiver.h"
#include "harness/traffic/replay.h"
#include "netns/error.h"
#include "netns/fd.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kDatagrams = 1000;
constexpr std::uint16_t kPort = 9;
constexpr std::uint32_t kRoomForAll = 8 << 20;  // bytes of receive buffer
constexpr std::chrono::seconds kDeadline{1};

TopologySpec PairSpec() {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  link.ends[0].addresses = {IpPrefix::Parse("10.0.0.1/24")};
  link.ends[1].addresses = {IpPrefix::Parse("10.0.0.2/24")};
  spec.links = {link};
  FitMtu(spec, 0);
  return spec;
}

// 10.0.0.1:9 to 10.0.0.2:9, UDP without a checksum, IPv4 with its own.
Capture Datagram(const EndpointInfo& to) {
  constexpr std::array<unsigned char, 42> kHeaders = {
      0,    0, 0, 0,  0, 0,  2, 0, 0,  0,  0,    1,    8,  0,                     // Ethernet
      0x45, 0, 0, 46, 0, 0,  0, 0, 64, 17, 0x66, 0xbd, 10, 0, 0, 1, 10, 0, 0, 2,  // IPv4
      0,    9, 0, 9,  0, 26, 0, 0};                                               // UDP
  Packet packet;
  packet.bytes.resize(60);
  for (std::size_t i = 0; i < kHeaders.size(); i++) packet.bytes[i] = static_cast<std::byte>(kHeaders.at(i));
  for (std::size_t i = 0; i < to.mac.bytes.size(); i++)
    packet.bytes[i] = static_cast<std::byte>(to.mac.bytes.at(i));
  Capture capture;
  capture.packets.push_back(std::move(packet));
  return capture;
}

class DropProgram {
 public:
  DropProgram(const Topology& topology, const std::string& name) : skeleton_(drop_bpf__open_and_load()) {
    if (!skeleton_) throw ErrnoError("load the lab's own program", "drop.bpf.o", errno);
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    const EndpointInfo& endpoint = topology.endpoint(name);
    const int link = topology.ns(endpoint.ns).Run([&] {
      const int fd = bpf_link_create(bpf_program__fd(skeleton_->progs.knetlab_drop), endpoint.ifindex,
                                     BPF_XDP, &options);
      return fd < 0 ? -errno : fd;
    });
    if (link < 0) throw ErrnoError("attach the lab's own program to", name, -link);
    link_ = UniqueFd(link);
  }

 private:
  struct Deleter {
    void operator()(drop_bpf* opened) const { drop_bpf__destroy(opened); }
  };
  std::unique_ptr<drop_bpf, Deleter> skeleton_;
  UniqueFd link_;
};

std::vector<PlaceLatency> SendOver(const Topology& topology, const std::shared_ptr<Tracer>& tracer,
                                   std::vector<HookedProgram> hooks) {
  std::unique_ptr<Account> account = OpenAccount(tracer, topology, std::move(hooks), {});
  const Capture capture = Datagram(topology.endpoint("server:eth0"));
  ReplayOptions options;
  options.loops = kDatagrams;
  Replay replay(capture, options);
  TrafficReport sent =
      replay.Send({.ns = &topology.ns("client"), .interface = "eth0", .observer = account.get(), .stop = {}});
  return account->Close({{"client", std::move(sent)}}, kDeadline).latency;
}

}  // namespace

std::vector<LatencyResult> MeasureLatencyFloor(const std::shared_ptr<Tracer>& tracer) {
  const Topology topology = Topology::Build(PairSpec());
  ReceiverOptions socket;
  socket.address = IpAddress::Parse("10.0.0.2");
  socket.port = kPort;
  socket.buffer_bytes = kRoomForAll;
  const Receiver receiver(topology.ns("server"), socket, "floor");
  std::vector<LatencyResult> floor;
  const auto add = [&](std::string_view kind, const std::vector<PlaceLatency>& measured) {
    if (!measured.empty())
      floor.push_back(LatencyResultOf(std::string(kRigFloor) + " " + std::string(kind), measured.front().ns));
  };
  add("socket", SendOver(topology, tracer, {}));
  const DropProgram drop(topology, "server:eth0");
  add("xdp", SendOver(topology, tracer,
                      {{.endpoint = "server:eth0", .hook = "xdp", .mode = "xdp native", .program = "drop"}}));
  return floor;
}

}  // namespace knetlab
