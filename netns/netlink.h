// SPDX-License-Identifier: Apache-2.0
// Netlink in batches: messages are built with libnl, many are sent by one system call, and each one's
// acknowledgement is checked; an error carries the kernel's own words (extended acknowledgement).
//
//   NetlinkSocket socket;                       // of the namespace of the thread that makes it, usable from
//   any thread std::vector<NetlinkRequest> batch; batch.push_back({LinkUp(2), "bring up", "server:eth0"});
//   socket.Transact(batch);
#pragma once

#include <netlink/msg.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

// One message. Fixed headers first, then attributes; nested attributes by a function that fills them.
class NetlinkMessage {
 public:
  static constexpr std::size_t kRoom = 1024;
  // `flags` beside NLM_F_REQUEST and NLM_F_ACK. `room` is the longest that the message may become.
  NetlinkMessage(int type, int flags, std::size_t room = kRoom);

  template <typename T>
  NetlinkMessage& Header(const T& header) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Append(&header, sizeof header);
  }
  NetlinkMessage& Put(int attribute, const void* data, std::size_t size);
  NetlinkMessage& PutString(int attribute, const std::string& text);
  NetlinkMessage& PutFlag(int attribute) { return Put(attribute, nullptr, 0); }
  template <typename T>
  NetlinkMessage& PutNumber(int attribute, T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Put(attribute, &value, sizeof value);
  }
  template <typename F>
  NetlinkMessage& Nest(int attribute, F&& fill) {
    nlattr* nest = Begin(attribute);
    std::forward<F>(fill)(*this);
    nla_nest_end(message_.get(), nest);
    return *this;
  }

  const nlmsghdr* header() const { return nlmsg_hdr(message_.get()); }
  // For what nests without attributes, such as the nexthops of a multipath route.
  nl_msg* raw() { return message_.get(); }

 private:
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  NetlinkMessage& Append(const void* data, std::size_t size);
  nlattr* Begin(int attribute);

  std::unique_ptr<nl_msg, Free> message_;
};

// A message with what its failure is called.
struct NetlinkRequest {
  NetlinkMessage message;
  std::string what;   // "add address 10.0.0.1/24"
  std::string where;  // "server:eth0"
  // What to try, by errno and the kernel's words; may be empty.
  std::function<std::string(int)> hint = nullptr;
};

class NetlinkSocket {
 public:
  // In the namespace of the calling thread. Throws Error.
  explicit NetlinkSocket(int protocol = NETLINK_ROUTE);

  using Reply = std::function<void(const nlmsghdr*)>;
  // Sends all requests, in order, and takes every acknowledgement. Messages that answer them (of RTM_GETLINK,
  // of a dump) go to `reply`. Throws Error of the first that failed; later ones may have been carried out
  // nevertheless.
  void Transact(std::span<const NetlinkRequest> requests, const Reply& reply = nullptr);
  void Transact(const NetlinkRequest& request, const Reply& reply = nullptr) {
    Transact({&request, 1}, reply);
  }

  // Notifications of an RTNLGRP_ group come to this socket from now on. Such a socket is for waiting, not for
  // Transact().
  void Subscribe(unsigned group);
  // Waits until a notification is there and takes what is there. False at the deadline.
  bool AwaitNotification(std::chrono::steady_clock::time_point deadline);

 private:
  void Send(std::span<const NetlinkRequest> requests);
  void Receive(std::span<const NetlinkRequest> requests, std::uint32_t first_sequence, const Reply& reply);
  std::span<char> ReadDatagram(std::span<char> buffer, const NetlinkRequest& request);

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
  std::vector<char> out_;
};

}  // namespace knetlab
