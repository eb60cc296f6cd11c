// SPDX-License-Identifier: Apache-2.0
// Probes of namespaces, links, qdiscs and packet sockets.
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "harness/scenario/probes.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kArrivalDeadlineMs = 2000;
constexpr std::uint16_t kEtherType = ETH_P_802_EX1;  // for local experiments: nothing else takes it
using Frame = std::array<std::uint8_t, 60>;

std::string ProbeQdisc(const std::string& kind, const std::map<std::string, std::string>& options) {
  TopologySpec spec = WireSpec();
  QdiscSpec qdisc;
  qdisc.ns = "client";
  qdisc.device = "eth0";
  qdisc.kind = kind;
  qdisc.options = options;
  spec.qdiscs = {qdisc};
  Topology::Build(spec);
  return "added to a veth";
}

UniqueFd PacketSocket(const EndpointInfo& endpoint) {
  UniqueFd socket(
      RequireCall(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kEtherType)), "socket(AF_PACKET)"));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(kEtherType);
  address.sll_ifindex = endpoint.ifindex;
  RequireCall(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return socket;
}

Frame FrameTo(const MacAddress& destination) {
  Frame frame{};
  std::memcpy(frame.data(), destination.bytes.data(), ETH_ALEN);
  const std::uint16_t type = htons(kEtherType);
  std::memcpy(frame.data() + std::size_t{2} * ETH_ALEN, &type, sizeof type);
  frame.back() = 42;
  return frame;
}

// Memory for AF_XDP's packets.
class Umem {
 public:
  static constexpr std::size_t kChunk = 4096, kSize = 4 * kChunk;
  Umem() : address_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (address_ == MAP_FAILED) throw ErrnoError("map", "packet memory", errno);
  }
  ~Umem() { ::munmap(address_, kSize); }
  Umem(const Umem&) = delete;
  Umem& operator=(const Umem&) = delete;
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(address_); }

 private:
  void* address_;
};

void BindXdpSocket(const EndpointInfo& endpoint, const Umem& memory) {
  const UniqueFd socket(RequireCall(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), "socket(AF_XDP)"));
  const auto set = [&](int option, const void* value, socklen_t size, const char* what) {
    RequireCall(::setsockopt(socket.get(), SOL_XDP, option, value, size), what);
  };
  xdp_umem_reg registration{};
  registration.addr = memory.address();
  registration.len = Umem::kSize;
  registration.chunk_size = Umem::kChunk;
  set(XDP_UMEM_REG, &registration, sizeof registration, "setsockopt(XDP_UMEM_REG)");
  const int entries = 4;
  set(XDP_UMEM_FILL_RING, &entries, sizeof entries, "setsockopt(XDP_UMEM_FILL_RING)");
  set(XDP_UMEM_COMPLETION_RING, &entries, sizeof entries, "setsockopt(XDP_UMEM_COMPLETION_RING)");
  set(XDP_RX_RING, &entries, sizeof entries, "setsockopt(XDP_RX_RING)");
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = XDP_COPY;
  address.sxdp_ifindex = static_cast<std::uint32_t>(endpoint.ifindex);
  RequireCall(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              "bind AF_XDP socket");
}

}  // namespace

std::string ProbeNamespace(ProbeBench&) {
  struct stat own {};
  RequireCall(::stat("/proc/self/ns/net", &own), "stat /proc/self/ns/net");
  const Namespace ns = Namespace::Create("probe");
  if (ns.inode() == own.st_ino) FailProbe("create namespace", "it is the caller's");
  return "made, entered and left";
}

std::string ProbeVeth(ProbeBench& bench) {
  const Topology& topology = bench.wire();
  return fmt::format("{} - {}", topology.endpoints().at(0).ToString(), topology.endpoints().at(1).ToString());
}

std::string ProbeEthtoolNetlink(ProbeBench& bench) {
  bench.wire().SetOffload(bench.wire().endpoint("client:eth0"), "tx-checksum-ip-generic", false);
  return "an offload of a veth was turned off";
}

std::string ProbeVethNapi(ProbeBench& bench) {
  bench.wire().EnableNapi(bench.wire().endpoint("client:eth0"));
  return "GRO of a veth was turned on";
}

std::string ProbeTbf(ProbeBench&) {
  return ProbeQdisc("tbf", {{"rate", "1mbit"}, {"burst", "32k"}, {"limit", "100k"}});
}
std::string ProbeNetem(ProbeBench&) {
  return ProbeQdisc("netem", {{"delay", "10ms"}});
}
std::string ProbeFq(ProbeBench&) {
  return ProbeQdisc("fq", {});
}

std::string ProbeBridge(ProbeBench&) {
  TopologySpec spec = WireSpec();
  BridgeSpec bridge;
  bridge.ns = "server";
  bridge.name = "br0";
  bridge.ports = {"eth0"};
  spec.bridges = {bridge};
  Topology::Build(spec);
  return "made, with a port";
}

std::string ProbeAfPacket(ProbeBench& bench) {
  const Topology& topology = bench.wire();
  const EndpointInfo& from = topology.endpoint("client:eth0");
  const EndpointInfo& to = topology.endpoint("server:eth0");
  const UniqueFd sender = topology.ns(from.ns).Run([&] { return PacketSocket(from); });
  const UniqueFd receiver = topology.ns(to.ns).Run([&] { return PacketSocket(to); });
  const Frame frame = FrameTo(to.mac);
  RequireCall(static_cast<int>(::send(sender.get(), frame.data(), frame.size(), 0)), "send");
  pollfd arrival = {.fd = receiver.get(), .events = POLLIN, .revents = 0};
  if (RequireCall(::poll(&arrival, 1, kArrivalDeadlineMs), "poll") == 0) {
    FailProbe("receive packet", "it did not arrive within 2 s", ETIMEDOUT);
  }
  Frame received{};
  if (::recv(receiver.get(), received.data(), received.size(), 0) != static_cast<ssize_t>(frame.size()) ||
      received != frame) {
    FailProbe("receive packet", "another one came");
  }
  return "a packet crossed a veth";
}

std::string ProbeAfXdp(ProbeBench& bench) {
  const EndpointInfo& endpoint = bench.wire().endpoint("server:eth0");
  const Umem memory;
  bench.wire().ns(endpoint.ns).Run([&] { BindXdpSocket(endpoint, memory); });
  return "bound to a veth, copy mode";
}

}  // namespace knetlab
