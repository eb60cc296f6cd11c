// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "harness/measure/account_common.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

constexpr std::int64_t kXdpDrop = 1, kXdpPass = 2, kXdpTx = 3, kXdpRedirect = 4;
constexpr std::int64_t kTcOk = 0, kTcShot = 2, kTcStolen = 4, kTcRedirect = 7;

template <std::size_t N>
bool OneOf(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Reasons of the kernel that mean "no room": nobody decided against the packet.
constexpr std::array<std::string_view, 14> kNoRoom = {
    "SOCKET_RCVBUFF", "SOCKET_BACKLOG",    "PROTO_MEM",       "NOMEM",           "CPU_BACKLOG",
    "FULL_RING",      "QDISC_DROP",        "QDISC_OVERLIMIT", "QDISC_CONGESTED", "DEV_READY",
    "SKB_GSO_SEG",    "PACKET_SOCK_ERROR", "FRAG_TOO_FAR",    "RECURSION_LIMIT"};
constexpr std::array<std::string_view, 4> kByProgram = {"SOCKET_FILTER", "BPF_CGROUP_EGRESS", "LWT_BPF",
                                                        "TC_RECLASSIFY_LOOP"};
constexpr std::array<std::string_view, 3> kGenericXdp = {"do_xdp_generic", "netif_receive_generic_xdp",
                                                         "bpf_prog_run_generic_xdp"};
constexpr std::array<std::string_view, 3> kTcIngress = {"__netif_receive_skb_core", "sch_handle_ingress",
                                                        "tc_run"};
constexpr const char* kWaiting = "waiting at the deadline";

bool At(const ledger_station_key& station, std::uint32_t netns, std::uint32_t ifindex) {
  return station.netns == netns && station.ifindex == ifindex;
}

}  // namespace

Resolver::Resolver(const Topology& topology, const std::vector<HookedProgram>& hooks,
                   const KernelSymbols& symbols, SocketName socket_name)
    : topology_(topology), hooks_(hooks), symbols_(symbols), socket_name_(std::move(socket_name)) {}

std::string Resolver::NamespaceName(std::uint32_t netns) const {
  for (const NamespaceSpec& spec : topology_.spec().namespaces) {
    if (topology_.ns(spec.name).inode() == netns) return spec.name;
  }
  return fmt::format("netns {}", netns);
}

std::string Resolver::EndpointName(std::uint32_t netns, std::uint32_t ifindex) const {
  std::string ns = NamespaceName(netns);
  for (const EndpointInfo& endpoint : topology_.endpoints()) {
    if (endpoint.ns == ns && endpoint.ifindex == static_cast<int>(ifindex)) return endpoint.ToString();
  }
  return ifindex == 1 ? ns + ":lo" : fmt::format("{}:if{}", ns, ifindex);
}

std::string Resolver::PeerName(std::uint32_t netns, std::uint32_t ifindex) const {
  std::string ns = NamespaceName(netns);
  for (const EndpointInfo& endpoint : topology_.endpoints()) {
    if (endpoint.ns == ns && endpoint.ifindex == static_cast<int>(ifindex) &&
        !endpoint.peer_interface.empty()) {
      return endpoint.peer_ns + ":" + endpoint.peer_interface;
    }
  }
  return EndpointName(netns, ifindex);
}

ledger_station_key Resolver::StationOf(const HookedProgram& hook) const {
  if (hook.hook == "socket") return {};
  const EndpointInfo& endpoint = topology_.endpoint(hook.endpoint);
  return {.netns = static_cast<__u32>(topology_.ns(endpoint.ns).inode()),
          .ifindex = static_cast<__u32>(endpoint.ifindex)};
}

const HookedProgram* Resolver::HookAt(std::uint32_t netns, std::uint32_t ifindex,
                                      std::string_view kind) const {
  for (const HookedProgram& hook : hooks_) {
    if (hook.hook == kind && At(StationOf(hook), netns, ifindex)) return &hook;
  }
  return nullptr;
}

std::string Resolver::HookPlace(std::uint32_t netns, std::uint32_t ifindex, std::string_view kind,
                                std::string_view label) const {
  const HookedProgram* hook = HookAt(netns, ifindex, kind);
  std::string place = fmt::format("{} {}", EndpointName(netns, ifindex), label);
  return hook == nullptr ? place : fmt::format("{} {}", place, hook->program);
}

std::string Resolver::PlaceOf(const HookedProgram& hook) const {
  const ledger_station_key station = StationOf(hook);
  std::string label = hook.hook;
  std::replace(label.begin(), label.end(), '-', ' ');
  return HookPlace(station.netns, station.ifindex, hook.hook, label);
}

std::string Resolver::SocketPlace(const ledger_end_key& key) const {
  std::string name = key.path.socket != 0 ? socket_name_(key.path.socket) : "";
  return NamespaceName(key.path.netns) + ":socket" + (name.empty() ? "" : " " + name);
}

Outcome Resolver::Continued(const ledger_end_key& key, std::string place, std::string reason) const {
  const ledger_path& path = key.path;
  bool tc = HookAt(path.via_netns, path.via_ifindex, "tc-ingress") != nullptr;
  bool tc_egress = path.redirected != 0 && HookAt(path.via_netns, path.via_ifindex, "tc-egress") != nullptr;
  bool xdp = HookAt(path.via_netns, path.via_ifindex, "xdp") != nullptr;
  if ((path.via & VIA_XDP_REDIRECT) != 0) {
    return {Fate::kRedirected, HookPlace(path.via_netns, path.via_ifindex, "xdp", "xdp"), "XDP_REDIRECT"};
  }
  if ((path.via & VIA_XDP_TX) != 0 && xdp) {
    return {Fate::kTransmitted, HookPlace(path.via_netns, path.via_ifindex, "xdp", "xdp"), "XDP_TX"};
  }
  if ((path.via & VIA_TC_REDIRECT) != 0 && tc_egress) {
    return {Fate::kRedirected, HookPlace(path.via_netns, path.via_ifindex, "tc-egress", "tc egress"),
            "TC_ACT_REDIRECT"};
  }
  if ((path.via & (VIA_TC_REDIRECT | VIA_XDP_TX)) != 0 && tc) {
    return {Fate::kRedirected, HookPlace(path.via_netns, path.via_ifindex, "tc-ingress", "tc ingress"),
            "TC_ACT_REDIRECT"};
  }
  return {Fate::kPassed, std::move(place), std::move(reason)};
}

bool Resolver::TcRedirectFailed(const ledger_end_key& key) const {
  return key.kind == END_KFREE && (symbols_.NameAt(key.location) == "skb_do_redirect" ||
                                   symbols_.DropReason(key.reason) == "TC_REDIRECT");
}

// Freed while it was being sent, before the device's queue: by a TC program, or for lack of something.
Outcome Resolver::BeforeItsQueue(const ledger_end_key& key) const {
  const ledger_path& path = key.path;
  const std::string here = EndpointName(path.netns, path.ifindex);
  const std::string reason = symbols_.DropReason(key.reason);
  const bool hooked = HookAt(path.netns, path.ifindex, "tc-egress") != nullptr;
  if (hooked && TcRedirectFailed(key)) {
    return {Fate::kLost, here + " tc redirect", reason.empty() ? symbols_.NameAt(key.location) : reason};
  }
  // TC_ACT_QUEUED and TC_ACT_TRAP, too: what the kernel frees as if it had been used.
  const bool stolen = hooked && key.kind == END_CONSUME;
  if (reason == "TC_EGRESS" || stolen) {
    return {Fate::kDropped, HookPlace(path.netns, path.ifindex, "tc-egress", "tc egress"),
            stolen ? "TC_ACT_STOLEN" : "TC_ACT_SHOT"};
  }
  return {Fate::kLost, here + " send", reason.empty() ? symbols_.NameAt(key.location) : reason};
}

Outcome Resolver::InTransit(const ledger_end_key& key) const {
  const ledger_path& path = key.path;
  std::string here = EndpointName(path.netns, path.ifindex), peer = PeerName(path.netns, path.ifindex);
  std::string reason = key.kind == END_LIVE ? kWaiting : symbols_.DropReason(key.reason);
  std::string function = symbols_.NameAt(key.location);
  if (key.kind == END_SILENT && path.stage == STAGE_GRO) return Continued(key, here + " gro", "merged");
  if (key.kind == END_SILENT) return {Fate::kLost, here, "", false};
  switch (path.stage) {
    case STAGE_UNSEEN:
      return BeforeItsQueue(key);
    case STAGE_QUEUE:
      return {Fate::kLost, here + " qdisc", reason.empty() ? function : reason};
    case STAGE_XMIT:
      if (key.kind == END_LIVE) return {Fate::kLost, peer + " ring", kWaiting};
      if (function.find("forward_skb") != std::string::npos) {
        return {Fate::kLost, peer + " down/mtu", reason.empty() ? "NOT_FORWARDABLE" : reason};
      }
      return {Fate::kLost, peer + " ring", reason.empty() ? "FULL_RING" : reason};
    case STAGE_BACKLOG:
      return {Fate::kLost, here + " backlog", reason.empty() ? function : reason};
    default:
      return Continued(key, here + " gro", reason.empty() ? function : reason);
  }
}

Outcome Resolver::InNativeXdp(const ledger_end_key& key) const {
  const ledger_path& path = key.path;
  std::string place = HookPlace(path.netns, path.ifindex, "xdp", "xdp");
  if (key.kind == END_XDP_ERROR && (path.via & VIA_XDP_REDIRECT) != 0) {
    // A veth whose peer has no NAPI instance cannot take frames: the redirect says "not supported".
    bool no_napi = key.reason == EOPNOTSUPP || key.reason == ENXIO;
    return {Fate::kLost, EndpointName(path.netns, path.ifindex) + (no_napi ? " no napi" : " xdp redirect"),
            ErrnoName(static_cast<int>(key.reason))};
  }
  if (key.kind == END_XDP_ERROR)
    return {Fate::kLost, EndpointName(path.netns, path.ifindex) + " xdp tx", "XDP_TX"};
  if (path.stage == STAGE_FRAME) {
    Outcome outcome = Continued(key, place, "");
    return outcome;
  }
  if (key.kind == END_XDP) {
    std::int64_t act = (path.via & VIA_EXCEPTION) != 0 ? path.act : kXdpDrop;
    return {Fate::kDropped, place, VerdictName(BPF_PROG_TYPE_XDP, act)};
  }
  return {Fate::kLost, place, "", false};  // copied for XDP, and the copy never showed itself
}

bool Resolver::EndedInGenericXdp(const ledger_end_key& key) const {
  const ledger_path& path = key.path;
  return key.kind == END_KFREE && (path.stage == STAGE_STACK || path.stage == STAGE_COPY) &&
         (OneOf(symbols_.NameAt(key.location), kGenericXdp) || symbols_.DropReason(key.reason) == "XDP") &&
         HookAt(path.netns, path.ifindex, "xdp") != nullptr;
}

Outcome Resolver::InStack(const ledger_end_key& key) const {
  const ledger_path& path = key.path;
  const std::string here = EndpointName(path.netns, path.ifindex), ns = NamespaceName(path.netns);
  const std::string reason = key.kind == END_KFREE ? symbols_.DropReason(key.reason) : "";
  const std::string function = symbols_.NameAt(key.location);
  if (EndedInGenericXdp(key)) {
    if (reason == "XDP") return {Fate::kLost, here + " xdp redirect", "XDP"};
    std::int64_t act = (path.via & VIA_EXCEPTION) != 0 ? path.act : kXdpDrop;
    return {Fate::kDropped, HookPlace(path.netns, path.ifindex, "xdp", "xdp"),
            VerdictName(BPF_PROG_TYPE_XDP, act)};
  }
  if (key.kind == END_SILENT || key.kind == END_LIVE) {
    const bool live = key.kind == END_LIVE;
    if (path.fragment != 0)
      return Continued(key, ns + ":ip reassembly", live ? "waiting for fragments" : "coalesced");
    if (live && path.stage == STAGE_STACK) return {Fate::kLost, here + " stack", kWaiting};
    return {Fate::kLost, here + " stack", "", false};
  }
  if (reason == "TC_INGRESS") {
    return {Fate::kDropped, HookPlace(path.netns, path.ifindex, "tc-ingress", "tc ingress"), "TC_ACT_SHOT"};
  }
  if (reason == "TC_EGRESS") {
    return {Fate::kDropped, HookPlace(path.netns, path.ifindex, "tc-egress", "tc egress"), "TC_ACT_SHOT"};
  }
  if (TcRedirectFailed(key)) {
    return {Fate::kLost, here + " tc redirect", reason.empty() ? function : reason};
  }
  if (key.kind == END_CONSUME && OneOf(function, kTcIngress) &&
      HookAt(path.netns, path.ifindex, "tc-ingress") != nullptr) {
    return {Fate::kDropped, HookPlace(path.netns, path.ifindex, "tc-ingress", "tc ingress"), "TC_ACT_STOLEN"};
  }
  if (reason == "NETFILTER_DROP") return {Fate::kDropped, ns + ":netfilter", reason};
  if (OneOf(reason, kByProgram)) return {Fate::kDropped, SocketPlace(key), reason};
  if (reason.starts_with("NEIGH_")) return {Fate::kLost, ns + ":neigh", reason};
  if (OneOf(reason, kNoRoom)) {
    return {Fate::kLost, path.socket != 0 ? SocketPlace(key) : ns + ":" + function, reason};
  }
  if (function.starts_with("inet_frag_")) return Continued(key, ns + ":ip reassembly", "coalesced");
  return Continued(key, ns + ":" + function, reason);
}

Outcome Resolver::InSocket(const ledger_end_key& key) const {
  const std::string reason = key.kind == END_KFREE ? symbols_.DropReason(key.reason) : "";
  // A checksum may be found wrong only when the packet is read.
  if (reason.find("CSUM") != std::string::npos || OneOf(reason, kNoRoom))
    return {Fate::kLost, SocketPlace(key), reason};
  return {Fate::kDelivered, SocketPlace(key), ""};
}

Outcome Resolver::Resolve(const ledger_end_key& key) const {
  for (const HookedProgram& hook : hooks_) {
    // A packet socket under test takes copies: the packet's fate in the ledger is what its filter decided.
    if (hook.socket_cookie == 0 || key.path.owner != OWNER_OURS || key.path.stage < STAGE_STACK) continue;
    std::string place = hook.endpoint + ":socket " + hook.program;
    if ((key.path.via & VIA_WATCHED_SOCKET) != 0) return {Fate::kDelivered, place, ""};
    return {Fate::kDropped, place, "SOCKET_DROP"};
  }
  if (key.kind == END_XDP || key.kind == END_XDP_ERROR) return InNativeXdp(key);
  switch (key.path.stage) {
    case STAGE_STACK:
    case STAGE_COPY:
      return InStack(key);
    case STAGE_SOCKET:
      return InSocket(key);
    case STAGE_XDP:
    case STAGE_FRAME:
      return InNativeXdp(key);
    default:
      return InTransit(key);
  }
}

std::optional<std::int64_t> Resolver::VerdictAt(std::size_t index, const ledger_end_key& key) const {
  const HookedProgram& hook = hooks_.at(index);
  const ledger_path& path = key.path;
  const ledger_station_key station = StationOf(hook);
  const std::uint32_t bit = std::uint32_t{1} << index;
  const bool ended_here = At(station, path.netns, path.ifindex),
             via_here = At(station, path.via_netns, path.via_ifindex);
  const std::string reason = key.kind == END_KFREE ? symbols_.DropReason(key.reason) : "";
  if (hook.hook == "xdp") {
    if (ended_here && (key.kind == END_XDP || (EndedInGenericXdp(key) && reason != "XDP"))) {
      return (path.via & VIA_EXCEPTION) != 0 ? path.act : kXdpDrop;
    }
    if (via_here && (path.via & VIA_XDP_REDIRECT) != 0) return kXdpRedirect;
    if ((via_here && (path.via & VIA_XDP_TX) != 0) || (ended_here && key.kind == END_XDP_ERROR))
      return kXdpTx;
    if ((path.visited & bit) != 0) return kXdpPass;
    return std::nullopt;
  }
  if (hook.hook == "tc-ingress") {
    if (ended_here && reason == "TC_INGRESS") return kTcShot;
    if (ended_here && Resolve(key).reason == "TC_ACT_STOLEN") return kTcStolen;
    if (ended_here && path.stage == STAGE_STACK && TcRedirectFailed(key)) return kTcRedirect;
    if (via_here && (path.via & VIA_TC_REDIRECT) != 0 && (path.redirected & bit) == 0) return kTcRedirect;
    if (via_here && (path.via & VIA_XDP_TX) != 0 &&
        HookAt(station.netns, station.ifindex, "xdp") == nullptr) {
      return kTcRedirect;
    }
    if ((path.visited & bit) != 0 && !(ended_here && EndedInGenericXdp(key))) return kTcOk;
    return std::nullopt;
  }
  if (hook.hook == "tc-egress") {
    if (ended_here && reason == "TC_EGRESS") return kTcShot;
    if ((path.redirected & bit) != 0) return kTcRedirect;
    if (ended_here && path.stage == STAGE_UNSEEN && TcRedirectFailed(key)) return kTcRedirect;
    if (ended_here && path.stage == STAGE_UNSEEN && key.kind == END_CONSUME) return kTcStolen;
    return (path.queued & bit) != 0 ? std::optional(kTcOk) : std::nullopt;
  }
  if (hook.socket_cookie != 0) {
    if (path.stage < STAGE_STACK) return std::nullopt;
    return (path.via & VIA_WATCHED_SOCKET) != 0 ? 1 : 0;
  }
  if (NamespaceName(path.netns) != hook.endpoint) return std::nullopt;
  if (reason == "SOCKET_FILTER") return 0;
  return path.stage == STAGE_SOCKET || reason == "SOCKET_RCVBUFF" ? std::optional<std::int64_t>(1)
                                                                  : std::nullopt;
}

}  // namespace knetlab
