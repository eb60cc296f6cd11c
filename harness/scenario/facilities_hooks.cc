// SPDX-License-Identifier: Apache-2.0
// Probes of the hooks that programs are attached to, each at an endpoint, socket or cgroup of the lab's own.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "harness/program/program_type.h"
#include "harness/scenario/probes.h"
#include "netns/cgroup.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kEndpoint = "server:eth0";
constexpr const char* kLinkCreate = "bpf(BPF_LINK_CREATE)";
// Newer (Linux 6.4) than the headers of Debian 12.
constexpr std::uint32_t kProgTypeNetfilter = 32;
constexpr std::uint32_t kAttachNetfilter = 45;

// Attaches to an interface by a link, which ends at once.
void AttachToEndpoint(const Topology& topology, int program_fd, std::uint32_t attach_type,
                      std::uint32_t flags) {
  const EndpointInfo& endpoint = topology.endpoint(kEndpoint);
  topology.ns(endpoint.ns).Run([&] {
    RequireLink(program_fd, endpoint.ifindex, attach_type, flags, kLinkCreate);
  });
}

// The cgroup this process is in: a program there for a moment concerns nobody else, and nothing has to be
// made.
std::string OwnCgroup() {
  std::string mount = Cgroup2Mount();
  if (mount.empty()) FailProbe("find cgroup2", "it is not mounted", ENOENT);
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // "0::/PATH"; a path above the mount's root begins with "/.." and cannot be reached from here.
    if (line == "0::/" || line.rfind("0::/..", 0) == 0) return mount;
    if (line.rfind("0::/", 0) == 0) return mount + line.substr(3);
  }
  return mount;
}

std::string AttachToCgroup(const TinyProgram& kind) {
  const UniqueFd program = LoadReturning(kind, 1);
  const std::string path = OwnCgroup();
  const UniqueFd cgroup(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) throw ErrnoError("open cgroup", path, errno);
  RequireLink(program.get(), cgroup.get(), kind.attach_type, 0, kLinkCreate);
  return fmt::format("attached to cgroup {}", path);
}

// Both ends of a TCP connection over the loopback of the caller's namespace.
std::pair<UniqueFd, UniqueFd> ConnectedSockets() {
  const UniqueFd listener(RequireCall(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  RequireCall(::bind(listener.get(), generic, size), "bind");
  RequireCall(::listen(listener.get(), 1), "listen");
  RequireCall(::getsockname(listener.get(), generic, &size), "getsockname");
  UniqueFd client(RequireCall(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  RequireCall(::connect(client.get(), generic, size), "connect to 127.0.0.1");
  UniqueFd server(RequireCall(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  return {std::move(client), std::move(server)};
}

}  // namespace

std::string ProbeXdpNative(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP}, 2);
  AttachToEndpoint(bench.wire(), program.get(), BPF_XDP, XDP_FLAGS_DRV_MODE);
  return "attached to a veth";
}

std::string ProbeXdpGeneric(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP}, 2);
  AttachToEndpoint(bench.wire(), program.get(), BPF_XDP, XDP_FLAGS_SKB_MODE);
  return "attached to a veth";
}

std::string ProbeXdpFrags(ProbeBench&) {
  constexpr int kMtu = 9000;
  const UniqueFd program =
      LoadReturning({.type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP, .flags = BPF_F_XDP_HAS_FRAGS}, 2);
  AttachToEndpoint(Topology::Build(WireSpec(kMtu)), program.get(), BPF_XDP, XDP_FLAGS_DRV_MODE);
  return fmt::format("attached to a veth with MTU {}", kMtu);
}

std::string ProbeTcx(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_SCHED_CLS}, 0);
  AttachToEndpoint(bench.wire(), program.get(), kAttachTcxIngress, 0);
  return "attached to a veth's ingress";
}

std::string ProbeClsact(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_SCHED_CLS}, 0);
  const EndpointInfo& endpoint = bench.wire().endpoint(kEndpoint);
  bench.wire().ns(endpoint.ns).Run([&] {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = endpoint.ifindex;
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    RequireCall(bpf_tc_hook_create(&hook), "add qdisc clsact");
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts filter{};
    filter.sz = sizeof filter;
    filter.prog_fd = program.get();
    RequireCall(bpf_tc_attach(&hook, &filter), "add filter bpf");
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    RequireCall(bpf_tc_hook_destroy(&hook), "delete qdisc clsact");
  });
  return "a filter attached to a veth's ingress";
}

std::string ProbeSkLookup(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_SK_LOOKUP, .attach_type = BPF_SK_LOOKUP}, 1);
  RequireLink(program.get(), bench.wire().ns("server").fd(), BPF_SK_LOOKUP, 0, kLinkCreate);
  return "attached to a namespace";
}

std::string ProbeSkReuseport(ProbeBench& bench) {
  const UniqueFd program =
      LoadReturning({.type = BPF_PROG_TYPE_SK_REUSEPORT, .attach_type = BPF_SK_REUSEPORT_SELECT}, 1);
  const UniqueFd socket = bench.wire().ns("server").Run(
      [] { return UniqueFd(RequireCall(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")); });
  const int yes = 1, fd = program.get();
  RequireCall(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes), "share a port");
  RequireCall(::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof fd),
              "attach to a socket");
  return "attached to a socket";
}

std::string ProbeSockmap(ProbeBench& bench) {
  const UniqueFd map(RequireCall(bpf_map_create(BPF_MAP_TYPE_SOCKMAP, "knetlab_probe", sizeof(std::uint32_t),
                                                sizeof(std::uint32_t), 1, nullptr),
                                 "bpf(BPF_MAP_CREATE)"));
  const UniqueFd program =
      LoadReturning({.type = BPF_PROG_TYPE_SK_SKB, .attach_type = BPF_SK_SKB_STREAM_VERDICT}, 1);
  RequireCall(bpf_prog_attach(program.get(), map.get(), BPF_SK_SKB_STREAM_VERDICT, 0),
              "bpf(BPF_PROG_ATTACH)");
  const auto [socket, peer] = bench.wire().ns("server").Run(ConnectedSockets);
  const std::uint32_t key = 0;
  const auto value = static_cast<std::uint32_t>(socket.get());
  RequireCall(bpf_map_update_elem(map.get(), &key, &value, BPF_ANY), "add TCP socket to map");
  return "took a TCP socket and a stream verdict program";
}

std::string ProbeSockOps(ProbeBench&) {
  return AttachToCgroup({.type = BPF_PROG_TYPE_SOCK_OPS, .attach_type = BPF_CGROUP_SOCK_OPS});
}

std::string ProbeCgroupBpf(ProbeBench&) {
  return AttachToCgroup({.type = BPF_PROG_TYPE_CGROUP_SKB, .attach_type = BPF_CGROUP_INET_INGRESS});
}

std::string ProbeNetfilterBpf(ProbeBench& bench) {
  constexpr std::uint32_t kAccept = 1;
  const UniqueFd program =
      LoadReturning({.type = kProgTypeNetfilter, .attach_type = kAttachNetfilter}, kAccept);
  // BPF_LINK_CREATE's members for netfilter (Linux 6.4), which the headers of Debian 12 do not have.
  struct {
    std::uint32_t program_fd, target_fd, attach_type, link_flags;
    std::uint32_t family, hook;
    std::int32_t priority;
    std::uint32_t flags;
    std::array<std::uint8_t, 96> rest;
  } attributes{};
  attributes.program_fd = static_cast<std::uint32_t>(program.get());
  attributes.attach_type = kAttachNetfilter;
  attributes.family = AF_INET;
  attributes.hook = 0;         // NF_INET_PRE_ROUTING
  attributes.priority = -300;  // that of the raw table
  bench.wire().ns("server").Run([&] {
    const long link = ::syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof attributes);
    const UniqueFd closed(RequireCall(static_cast<int>(link), kLinkCreate));
  });
  return "attached to a namespace's prerouting";
}

}  // namespace knetlab
