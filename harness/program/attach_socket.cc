// SPDX-License-Identifier: Apache-2.0
// Programs that are options of a socket: filters, and what chooses among the sockets of one address and port.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "netns/error.h"

namespace knetlab {

SocketAttachment::~SocketAttachment() {
  if (left_) return;
  const int unused = 0;
  ::setsockopt(socket_.get(), SOL_SOCKET, detach_, &unused, sizeof(unused));
}

std::unique_ptr<Attachment> AttachToSocket(const Program& program, const AttachPoint& point, const char* what,
                                           int attach, std::string mode, int detach) {
  const auto fail = [&](int code) {
    return ErrnoError(what, fmt::format("{} to descriptor {}", program.name(), point.socket_fd), code);
  };
  UniqueFd socket(::fcntl(point.socket_fd, F_DUPFD_CLOEXEC, 0));
  if (!socket) throw fail(errno);
  const int fd = program.fd();
  if (::setsockopt(socket.get(), SOL_SOCKET, attach, &fd, sizeof(fd)) != 0) throw fail(errno);
  return std::make_unique<SocketAttachment>(std::move(socket), std::move(mode), detach);
}

std::unique_ptr<Attachment> AttachSocket(const Program& program, const AttachPoint& point) {
  return AttachToSocket(program, point, "attach socket filter", SO_ATTACH_BPF, "socket", SO_DETACH_BPF);
}

}  // namespace knetlab
