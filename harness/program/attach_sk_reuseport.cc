// SPDX-License-Identifier: Apache-2.0
// Programs that choose among the sockets that share an address and a port (SO_REUSEPORT, Linux 4.19):
// attached to one of them, asked for all.
#include <sys/socket.h>

#include "harness/program/attach_common.h"

namespace knetlab {

std::unique_ptr<Attachment> AttachSkReuseport(const Program& program, const AttachPoint& point) {
  constexpr const char* kAttachReuseport = "attach reuseport program";
  RequireType(program, kAttachReuseport, "sk-reuseport");
  return AttachToSocket(program, point, kAttachReuseport, SO_ATTACH_REUSEPORT_EBPF, "sk_reuseport",
                        SO_DETACH_REUSEPORT_BPF);
}

}  // namespace knetlab
