// SPDX-License-Identifier: Apache-2.0
// What the kinds of attachment share; not for users of the library.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "harness/program/attach.h"
#include "netns/fd.h"

namespace knetlab {

// An attachment that is a BPF link: it lasts as long as the link's descriptor, and the kernel also ends it
// with the interface. Neither keeps the other alive.
class LinkAttachment : public Attachment {
 public:
  LinkAttachment(UniqueFd link, std::string mode) : link_(std::move(link)), mode_(std::move(mode)) {}
  std::string Mode() const override { return mode_; }
  int Leave() override { return link_.get(); }

 private:
  UniqueFd link_;
  std::string mode_;
};

struct LinkResult {
  UniqueFd link;
  int code = 0;  // errno where there is no link
};
// `target`: an interface's index, in the caller's namespace, or the descriptor of what the type is attached
// to.
LinkResult CreateLink(int program_fd, int target, std::uint32_t attach_type, std::uint32_t flags);

// A program that is an option of a socket. It holds the socket by a descriptor of its own, so that a number
// that its owner closed and the kernel gave to another file is never touched; the socket lives on until the
// attachment ends.
class SocketAttachment : public Attachment {
 public:
  // `detach`: the option that takes the program off.
  SocketAttachment(UniqueFd socket, std::string mode, int detach)
      : socket_(std::move(socket)), mode_(std::move(mode)), detach_(detach) {}
  SocketAttachment(const SocketAttachment&) = delete;
  SocketAttachment& operator=(const SocketAttachment&) = delete;
  ~SocketAttachment() override;
  std::string Mode() const override { return mode_; }
  int Leave() override {
    left_ = true;
    return socket_.get();
  }

 private:
  UniqueFd socket_;
  std::string mode_;
  int detach_;
  bool left_ = false;
};
// Sets the option `attach` of the point's socket. Throws Error.
std::unique_ptr<Attachment> AttachToSocket(const Program& program, const AttachPoint& point, const char* what,
                                           int attach, std::string mode, int detach);

// "server:eth0", for errors.
std::string Where(const AttachPoint& point);

// Runs work in the point's namespace, or in the caller's own where it names none.
template <typename Work>
auto RunAt(const AttachPoint& point, Work&& work) {
  return point.ns != nullptr ? point.ns->Run(std::forward<Work>(work)) : std::forward<Work>(work)();
}

// The index of the point's interface; call it in its namespace. Throws Error, with the nearest name.
int InterfaceIndex(const AttachPoint& point, const char* what);

// Throws Error unless the program has the type of this kind of hook.
void RequireType(const Program& program, const char* what, std::string_view kind);

// Throws Error unless the point's mode is one of these.
void RequireMode(const AttachPoint& point, const char* what, const std::vector<std::string>& modes);

// The kinds, each in a file of its own.
std::unique_ptr<Attachment> AttachXdp(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachTcIngress(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachTcEgress(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSocket(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSkLookup(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachCgroupIngress(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachCgroupEgress(const Program& program, const AttachPoint& point);
// The first two to what their section says: connect4, bind6, sendmsg4, sock_create, ...
std::unique_ptr<Attachment> AttachCgroupSockAddr(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachCgroupSock(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSockOps(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSkSkb(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSkMsg(const Program& program, const AttachPoint& point);
std::unique_ptr<Attachment> AttachSkReuseport(const Program& program, const AttachPoint& point);

}  // namespace knetlab
