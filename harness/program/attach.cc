// SPDX-License-Identifier: Apache-2.0
#include "harness/program/attach.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "harness/program/attach_common.h"
#include "harness/program/program_type.h"
#include "harness/program/verdict.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

bool TakesXdp(const Program& program) {
  // Programs for the entries of a devmap or cpumap are refused on an interface.
  return program.type() == BPF_PROG_TYPE_XDP &&
         (program.expected_attach_type() == BPF_XDP || program.expected_attach_type() == 0);
}

bool TakesTc(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SCHED_CLS || program.type() == BPF_PROG_TYPE_SCHED_ACT;
}

bool TakesSocket(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SOCKET_FILTER;
}

bool TakesSkLookup(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SK_LOOKUP;
}

bool TakesSkReuseport(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SK_REUSEPORT;
}

bool TakesCgroupSkb(const Program& program) {
  return program.type() == BPF_PROG_TYPE_CGROUP_SKB;
}

bool TakesCgroupSockAddr(const Program& program) {
  return program.type() == BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
}

bool TakesCgroupSock(const Program& program) {
  return program.type() == BPF_PROG_TYPE_CGROUP_SOCK;
}

bool TakesSockOps(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SOCK_OPS;
}

bool TakesSkSkb(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SK_SKB;
}

bool TakesSkMsg(const Program& program) {
  return program.type() == BPF_PROG_TYPE_SK_MSG;
}

constexpr auto kEndpoint = AttachTarget::kEndpoint, kSocket = AttachTarget::kSocket,
               kNamespace = AttachTarget::kNamespace, kCgroup = AttachTarget::kCgroup,
               kMap = AttachTarget::kMap;
constexpr std::array kAttachers = {
    Attacher{"xdp", BPF_PROG_TYPE_XDP, kEndpoint, true, TakesXdp, AttachXdp},
    Attacher{"tc-ingress", BPF_PROG_TYPE_SCHED_CLS, kEndpoint, true, TakesTc, AttachTcIngress},
    Attacher{"tc-egress", BPF_PROG_TYPE_SCHED_CLS, kEndpoint, true, TakesTc, AttachTcEgress},
    Attacher{"socket", BPF_PROG_TYPE_SOCKET_FILTER, kSocket, true, TakesSocket, AttachSocket},
    Attacher{"sk-lookup", BPF_PROG_TYPE_SK_LOOKUP, kNamespace, false, TakesSkLookup, AttachSkLookup},
    Attacher{"sk-reuseport", BPF_PROG_TYPE_SK_REUSEPORT, kSocket, false, TakesSkReuseport, AttachSkReuseport},
    Attacher{"cgroup-ingress", BPF_PROG_TYPE_CGROUP_SKB, kCgroup, false, TakesCgroupSkb, AttachCgroupIngress},
    Attacher{"cgroup-egress", BPF_PROG_TYPE_CGROUP_SKB, kCgroup, false, TakesCgroupSkb, AttachCgroupEgress},
    Attacher{"cgroup-sock-addr", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, kCgroup, false, TakesCgroupSockAddr,
             AttachCgroupSockAddr},
    Attacher{"cgroup-sock", BPF_PROG_TYPE_CGROUP_SOCK, kCgroup, false, TakesCgroupSock, AttachCgroupSock},
    Attacher{"sock-ops", BPF_PROG_TYPE_SOCK_OPS, kCgroup, false, TakesSockOps, AttachSockOps},
    Attacher{"sk-skb", BPF_PROG_TYPE_SK_SKB, kMap, false, TakesSkSkb, AttachSkSkb},
    Attacher{"sk-msg", BPF_PROG_TYPE_SK_MSG, kMap, false, TakesSkMsg, AttachSkMsg},
};

bool IsEgress(std::string_view section, std::string_view name) {
  return HasWord(section, "egress") || (HasWord(name, "egress") && !HasWord(section, "ingress"));
}

Error NoHook(const std::string& program, std::string why, std::string hint) {
  return Error({.what = "choose hook",
                .where = "for program " + program,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

Error NoHookForType(const std::string& program, bpf_prog_type type) {
  return NoHook(program, fmt::format("a program of type {} has no hook here", ProgramTypeName(type)),
                "hooks take programs of type xdp, sched_cls, socket_filter, sk_lookup, sk_reuseport, "
                "cgroup_*, sock_ops, sk_skb and sk_msg");
}

}  // namespace

std::span<const Attacher> Attachers() {
  return kAttachers;
}

const Attacher& AttacherFor(std::string_view kind) {
  std::vector<std::string> kinds;
  for (const Attacher& attacher : kAttachers) {
    if (attacher.kind == kind) return attacher;
    kinds.emplace_back(attacher.kind);
  }
  throw Error({.what = "choose hook",
               .where = std::string(kind),
               .why = "no such kind of hook",
               .hint = NearestHint(kind, kinds),
               .detail = "",
               .code = EINVAL});
}

const Attacher& DefaultAttacher(const Program& program) {
  if (TakesTc(program)) {
    return AttacherFor(IsEgress(program.section(), program.name()) ? "tc-egress" : "tc-ingress");
  }
  for (const Attacher& attacher : kAttachers) {
    if (attacher.takes(program)) return attacher;
  }
  if (program.type() == BPF_PROG_TYPE_XDP) {
    throw NoHook(program.name(), "it is loaded for the entries of a devmap or cpumap",
                 "load it with type xdp");
  }
  throw NoHookForType(program.name(), program.type());
}

const Attacher& DefaultAttacher(const ProgramInfo& program) {
  if (program.type == BPF_PROG_TYPE_SCHED_CLS || program.type == BPF_PROG_TYPE_SCHED_ACT) {
    return AttacherFor(IsEgress(program.section, program.name) ? "tc-egress" : "tc-ingress");
  }
  for (const Attacher& attacher : kAttachers) {
    if (attacher.program_type == program.type) return attacher;
  }
  throw NoHookForType(program.name, program.type);
}

LinkResult CreateLink(int program_fd, int target, std::uint32_t attach_type, std::uint32_t flags) {
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.flags = flags;
  UniqueFd link(bpf_link_create(program_fd, target, static_cast<bpf_attach_type>(attach_type), &options));
  const int code = link ? 0 : errno;
  return {.link = std::move(link), .code = code};
}

std::string Where(const AttachPoint& point) {
  return point.ns != nullptr ? point.ns->label() + ":" + point.interface : point.interface;
}

int InterfaceIndex(const AttachPoint& point, const char* what) {
  if (const unsigned index = ::if_nametoindex(point.interface.c_str()); index != 0)
    return static_cast<int>(index);
  const int code = errno;
  std::vector<std::string> names;
  if (struct if_nameindex* all = ::if_nameindex(); all != nullptr) {
    for (const struct if_nameindex* one = all; one->if_index != 0; ++one) names.emplace_back(one->if_name);
    ::if_freenameindex(all);
  }
  throw Error({.what = what,
               .where = Where(point),
               .why = "no such interface",
               .hint = NearestHint(point.interface, names),
               .detail = "",
               .code = code});
}

void RequireType(const Program& program, const char* what, std::string_view kind) {
  if (AttacherFor(kind).takes(program)) return;
  throw Error({.what = what,
               .where = program.name(),
               .why = fmt::format("it has the type {}, {} takes {}", ProgramTypeName(program.type()), kind,
                                  ProgramTypeName(AttacherFor(kind).program_type)),
               .hint = "",
               .detail = "",
               .code = EINVAL});
}

void RequireMode(const AttachPoint& point, const char* what, const std::vector<std::string>& modes) {
  if (std::find(modes.begin(), modes.end(), point.mode) != modes.end()) return;
  throw Error({.what = what,
               .where = Where(point),
               .why = fmt::format("no such mode: {}", point.mode),
               .hint = NearestHint(point.mode, modes),
               .detail = "",
               .code = EINVAL});
}

}  // namespace knetlab
