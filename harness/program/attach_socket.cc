// SPDX-License-Identifier: Apache-2.0
// Socket filters.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// Holds the socket by a descriptor of its own, so that a number that its owner closed and the kernel gave to
// another file is never touched. The socket lives on until the attachment ends.
class SocketAttachment : public Attachment {
 public:
  explicit SocketAttachment(UniqueFd socket) : socket_(std::move(socket)) {}
  SocketAttachment(const SocketAttachment&) = delete;
  SocketAttachment& operator=(const SocketAttachment&) = delete;
  ~SocketAttachment() override {
    if (left_) return;
    const int unused = 0;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_DETACH_BPF, &unused, sizeof(unused));
  }
  std::string Mode() const override { return "socket"; }
  int Leave() override {
    left_ = true;
    return socket_.get();
  }

 private:
  UniqueFd socket_;
  bool left_ = false;
};

}  // namespace

std::unique_ptr<Attachment> AttachSocket(const Program& program, const AttachPoint& point) {
  const auto fail = [&](int code) {
    return ErrnoError("attach socket filter",
                      fmt::format("{} to descriptor {}", program.name(), point.socket_fd), code);
  };
  UniqueFd socket(::fcntl(point.socket_fd, F_DUPFD_CLOEXEC, 0));
  if (!socket) throw fail(errno);
  const int fd = program.fd();
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)) != 0) throw fail(errno);
  return std::make_unique<SocketAttachment>(std::move(socket));
}

}  // namespace knetlab
