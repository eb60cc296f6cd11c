// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/test_frame_tap.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "bpf/order_sink.skel.h"
#include "netns/error.h"

namespace knetlab::testing {

TopologySpec TwoNamespaces(bool gro) {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  if (gro) link.ends[1].offloads["generic-receive-offload"] = true;
  spec.links = {link};
  return spec;
}

FrameTap::FrameTap(const Namespace& ns, const char* interface) {
  ns.Run([&] {
    fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int buffer = 64 << 20;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  });
}

std::vector<Bytes> FrameTap::Take(std::size_t count) {
  std::vector<Bytes> frames;
  Bytes buffer(70'000);
  while (frames.size() < count) {
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0) {
      frames.emplace_back(buffer.begin(), buffer.begin() + size);
      continue;
    }
    pollfd event{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&event, 1, 5000) <= 0) break;
  }
  return frames;
}

bool FrameTap::HasMore() const {
  std::byte first{};
  return ::recv(fd_.get(), &first, 1, MSG_PEEK) >= 0;
}

void OrderSink::Deleter::operator()(order_sink_bpf* skeleton) const {
  order_sink_bpf__destroy(skeleton);
}

OrderSink::OrderSink(const Namespace& ns, const char* interface)
    : skeleton_(order_sink_bpf__open_and_load()) {
  if (!skeleton_) throw ErrnoError("load", "order_sink.bpf.o", errno);
  ns.Run([&] {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    link_.reset(bpf_link_create(bpf_program__fd(skeleton_->progs.order_sink),
                                static_cast<int>(::if_nametoindex(interface)), BPF_XDP, &options));
    if (!link_) throw ErrnoError("attach order_sink to", interface, errno);
  });
}

OrderSink::~OrderSink() = default;

std::uint64_t OrderSink::packets() const {
  const volatile auto& seen = *skeleton_->bss;
  return seen.packets;
}

std::uint64_t OrderSink::hash() const {
  const volatile auto& seen = *skeleton_->bss;
  return seen.hash;
}

std::uint64_t OrderSink::HashOf(const std::vector<Packet>& packets, std::uint64_t loops) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = 0;
  for (std::uint64_t loop = 0; loop < loops; loop++) {
    for (const Packet& packet : packets) {
      hash = (hash ^ packet.bytes.size()) * kPrime;
      for (const std::byte byte : packet.bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * kPrime;
    }
  }
  return hash;
}

}  // namespace knetlab::testing
