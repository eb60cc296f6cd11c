// SPDX-License-Identifier: Apache-2.0
#include "netns/netlink.h"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <optional>

#include "netns/error.h"

namespace knetlab {
namespace {

// Acknowledgements queue in the socket until they are read, and the kernel charges each with close to 1 KiB:
// a batch's must fit into the default receive buffer (208 KiB), else they are lost (ENOBUFS).
constexpr std::size_t kBatch = 64;
// The kernel puts at most 32 KiB of a dump into one datagram. On the stack: a topology has a thousand
// sockets.
struct ReceiveBuffer {
  alignas(nlmsghdr) std::array<char, 32768> bytes;
};

std::string ExtendedAck(const nlmsghdr* message, const nlmsgerr* error) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  // Uncapped, the refused message stands between the error and the attributes.
  std::size_t used = NLMSG_HDRLEN + sizeof *error;
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0)
    used += NLMSG_ALIGN(error->msg.nlmsg_len) - sizeof error->msg;
  if (used >= message->nlmsg_len) return "";
  const auto* start = reinterpret_cast<const char*>(message) + used;
  // libnl's parser takes attributes it does not change through a mutable pointer.
  auto* head = reinterpret_cast<nlattr*>(const_cast<char*>(start));
  const nlattr* text = nla_find(head, static_cast<int>(message->nlmsg_len - used), NLMSGERR_ATTR_MSG);
  if (text == nullptr) return "";
  const auto* data = static_cast<const char*>(nla_data(text));
  return {data, ::strnlen(data, static_cast<std::size_t>(nla_len(text)))};
}

Error RequestError(const NetlinkRequest& request, int code, const std::string& extended) {
  std::string why = std::generic_category().message(code);
  if (!extended.empty()) why = fmt::format("{} ({})", extended, why);
  std::string hint = request.hint ? request.hint(code) : "";
  if (hint.empty() && code == EPERM) hint = "this needs CAP_NET_ADMIN: run as root";
  return Error(
      {.what = request.what, .where = request.where, .why = why, .hint = hint, .detail = "", .code = code});
}

}  // namespace

NetlinkMessage::NetlinkMessage(int type, int flags, std::size_t room) : message_(nlmsg_alloc_size(room)) {
  if (!message_) throw std::bad_alloc();
  if (nlmsg_put(message_.get(), NL_AUTO_PORT, 0, type, 0, NLM_F_REQUEST | NLM_F_ACK | flags) == nullptr)
    throw std::bad_alloc();
}

NetlinkMessage& NetlinkMessage::Append(const void* data, std::size_t size) {
  if (nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO) < 0) throw std::bad_alloc();
  return *this;
}

NetlinkMessage& NetlinkMessage::Put(int attribute, const void* data, std::size_t size) {
  if (nla_put(message_.get(), attribute, static_cast<int>(size), data) < 0) throw std::bad_alloc();
  return *this;
}

NetlinkMessage& NetlinkMessage::PutString(int attribute, const std::string& text) {
  return Put(attribute, text.c_str(), text.size() + 1);
}

nlattr* NetlinkMessage::Begin(int attribute) {
  nlattr* nest = nla_nest_start(message_.get(), attribute);
  if (nest == nullptr) throw std::bad_alloc();
  return nest;
}

NetlinkSocket::NetlinkSocket(int protocol) : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {
  if (!fd_) throw ErrnoError("open netlink socket", "", errno);
  // Kernels before 4.12 have neither; their errors then have an errno only.
  const int on = 1;
  ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

void NetlinkSocket::Transact(std::span<const NetlinkRequest> requests, const Reply& reply) {
  while (!requests.empty()) {
    const auto batch = requests.first(std::min(kBatch, requests.size()));
    const std::uint32_t first = sequence_ + 1;
    Send(batch);
    Receive(batch, first, reply);
    requests = requests.subspan(batch.size());
  }
}

void NetlinkSocket::Send(std::span<const NetlinkRequest> requests) {
  out_.clear();
  for (const NetlinkRequest& request : requests) {
    const nlmsghdr* message = request.message.header();
    const std::size_t at = out_.size();
    out_.resize(at + NLMSG_ALIGN(message->nlmsg_len));
    std::memcpy(out_.data() + at, message, message->nlmsg_len);
    nlmsghdr numbered = *message;
    numbered.nlmsg_seq = ++sequence_;
    numbered.nlmsg_pid = 0;
    std::memcpy(out_.data() + at, &numbered, sizeof numbered);
  }
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), out_.data(), out_.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) throw RequestError(requests.front(), errno, "");
}

std::span<char> NetlinkSocket::ReadDatagram(std::span<char> buffer, const NetlinkRequest& request) {
  while (true) {
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0) return buffer.first(static_cast<std::size_t>(size));
    if (errno != EINTR) throw RequestError(request, errno, "reading the kernel's answer");
  }
}

void NetlinkSocket::Receive(std::span<const NetlinkRequest> requests, std::uint32_t first_sequence,
                            const Reply& reply) {
  ReceiveBuffer buffer;
  std::size_t finished = 0;
  std::optional<Error> failure;  // of the first request that failed; the rest is read all the same
  while (finished < requests.size()) {
    const std::span<char> datagram = ReadDatagram(buffer.bytes, requests[finished]);
    int left = static_cast<int>(datagram.size());
    for (auto* message = reinterpret_cast<nlmsghdr*>(datagram.data()); nlmsg_ok(message, left) != 0;
         message = nlmsg_next(message, &left)) {
      const std::uint32_t index = message->nlmsg_seq - first_sequence;
      if (index >= requests.size()) continue;  // an answer to an earlier batch that had failed half-way
      if (message->nlmsg_type == NLMSG_DONE) {
        ++finished;
      } else if (message->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(message));
        ++finished;
        if (error->error != 0 && !failure)
          failure = RequestError(requests[index], -error->error, ExtendedAck(message, error));
      } else if (reply) {
        reply(message);
      }
    }
  }
  if (failure) throw *failure;
}

void NetlinkSocket::Subscribe(unsigned group) {
  // A socket gets its port when it first sends. Until then its port is 0, which the kernel takes for its own:
  // notifications that the kernel itself causes would pass it by.
  sockaddr_nl name = {};
  name.nl_family = AF_NETLINK;
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
      ::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    throw ErrnoError("subscribe to netlink group", fmt::format("{}", group), errno);
  }
}

bool NetlinkSocket::AwaitNotification(std::chrono::steady_clock::time_point deadline) {
  using namespace std::chrono;
  const auto left = std::max(milliseconds(0), ceil<milliseconds>(deadline - steady_clock::now()));
  pollfd readable = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return steady_clock::now() < deadline;
  // ENOBUFS (an overrun) says that something happened, too.
  ReceiveBuffer buffer;
  while (::recv(fd_.get(), buffer.bytes.data(), buffer.bytes.size(), MSG_DONTWAIT) >= 0 || errno == ENOBUFS) {
  }
  return true;
}

}  // namespace knetlab
