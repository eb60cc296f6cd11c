// SPDX-License-Identifier: Apache-2.0
// Programs of a cgroup, as BPF links (Linux 5.7): packets and calls of the sockets that were opened in it.
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kAttachCgroup = "attach cgroup program";

std::unique_ptr<Attachment> AttachToCgroup(const Program& program, const AttachPoint& point,
                                           std::uint32_t type) {
  RequireMode(point, kAttachCgroup, {"auto"});
  LinkResult made = CreateLink(program.fd(), point.cgroup_fd, type, 0);
  if (!made.link) {
    throw ErrnoError(kAttachCgroup, fmt::format("{} to descriptor {}", program.name(), point.cgroup_fd),
                     made.code, made.code == EINVAL ? "its section says where it can be attached to" : "");
  }
  return std::make_unique<LinkAttachment>(std::move(made.link), "cgroup");
}

}  // namespace

std::unique_ptr<Attachment> AttachCgroupIngress(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachCgroup, "cgroup-ingress");
  return AttachToCgroup(program, point, BPF_CGROUP_INET_INGRESS);
}

std::unique_ptr<Attachment> AttachCgroupEgress(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachCgroup, "cgroup-egress");
  return AttachToCgroup(program, point, BPF_CGROUP_INET_EGRESS);
}

std::unique_ptr<Attachment> AttachCgroupSockAddr(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachCgroup, "cgroup-sock-addr");
  return AttachToCgroup(program, point, program.expected_attach_type());
}

std::unique_ptr<Attachment> AttachCgroupSock(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachCgroup, "cgroup-sock");
  return AttachToCgroup(program, point, program.expected_attach_type());
}

std::unique_ptr<Attachment> AttachSockOps(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachCgroup, "sock-ops");
  return AttachToCgroup(program, point, BPF_CGROUP_SOCK_OPS);
}

}  // namespace knetlab
