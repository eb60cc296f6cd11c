// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_socket.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "harness/traffic/packet_headers.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kSendFrom = "send from";
// Enough that a batch never waits in mid-call for buffer space, where a stop could not end the wait.
constexpr int kSendBuffer = 16 << 20;

std::string InterfacesHere() {
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> list(::if_nameindex(),
                                                                                  &::if_freenameindex);
  std::string text;
  for (const auto* entry = list.get(); entry != nullptr && entry->if_index != 0; ++entry) {
    text += text.empty() ? "interfaces there: " : ", ";
    text += entry->if_name;
  }
  return text;
}

std::optional<ifreq> AskInterface(int fd, const std::string& interface, unsigned long request) {
  ifreq answer{};
  interface.copy(answer.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(fd, request, &answer) != 0) return std::nullopt;
  return answer;
}

void RequireEthernet(int fd, const std::string& interface, const std::string& where) {
  const auto answer = AskInterface(fd, interface, SIOCGIFHWADDR);
  if (!answer) throw ErrnoError(kSendFrom, where, errno);
  const auto type = answer->ifr_hwaddr.sa_family;
  if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK) return;
  throw Error({.what = kSendFrom,
               .where = where,
               .why = fmt::format("not an Ethernet interface (hardware type {})", type),
               .hint = "",
               .detail = ""});
}

void Bind(int fd, unsigned int ifindex, const std::string& where) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(ifindex);
  address.sll_protocol = 0;  // receives nothing
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw ErrnoError(kSendFrom, where, errno);
  }
}

void EnlargeSendBuffer(int fd) {
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof(kSendBuffer)) == 0) return;
  // Without the privilege the system's limit applies; then large batches may wait inside the kernel.
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof(kSendBuffer));
}

iovec ToIovec(std::span<const std::byte> frame) {
  return {.iov_base = const_cast<std::byte*>(frame.data()), .iov_len = frame.size()};
}

}  // namespace

PacketSocket::PacketSocket(Options options)
    : options_(std::move(options)),
      // Protocol 0 from the start: no packet can come in between socket() and bind().
      fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
      vectors_(options_.max_batch),
      messages_(options_.max_batch) {
  if (!fd_) throw ErrnoError(kSendFrom, options_.where, errno, "packet sockets need CAP_NET_RAW");
  ifindex_ = ::if_nametoindex(options_.interface.c_str());
  if (ifindex_ == 0) throw ErrnoError(kSendFrom, options_.where, errno, InterfacesHere());
  RequireEthernet(fd_.get(), options_.interface, options_.where);
  Bind(fd_.get(), ifindex_, options_.where);
  EnlargeSendBuffer(fd_.get());
  const int on = 1;
  if (options_.qdisc_bypass &&
      ::setsockopt(fd_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0) {
    throw ErrnoError("set PACKET_QDISC_BYPASS on", options_.where, errno);
  }
  const auto answer = AskInterface(fd_.get(), options_.interface, SIOCGIFMTU);
  if (!answer) throw ErrnoError(kSendFrom, options_.where, errno);
  mtu_ = answer->ifr_mtu;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::uint64_t PacketSocket::cookie() const {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) {
    throw ErrnoError("read SO_COOKIE of", options_.where, errno);
  }
  return cookie;
}

bool PacketSocket::MayExceedMtu(std::size_t frame_size) const {
  return frame_size > static_cast<std::size_t>(mtu_) + kEthernetHeader;
}

PacketSocket::Outcome PacketSocket::SendOne(std::span<const std::byte> frame, const StoppableWait& wait) {
  iovec vector = ToIovec(frame);
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  for (;;) {
    if (::sendmsg(fd_.get(), &message, MSG_DONTWAIT) >= 0) return {.taken = 1};
    // Neither of these two made an skb: the same offer goes on.
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return {.taken = 0, .error = errno};
    if (!wait.Writable(fd_.get())) return {.stopped = true};
  }
}

PacketSocket::Outcome PacketSocket::Send(std::span<const std::span<const std::byte>> frames,
                                         const StoppableWait& wait) {
  if (frames.size() == 1) return SendOne(frames.front(), wait);
  std::transform(frames.begin(), frames.end(), vectors_.begin(), ToIovec);
  int sent = -1;
  do {
    sent = ::sendmmsg(fd_.get(), messages_.data(), static_cast<unsigned int>(frames.size()), 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return {.taken = 0, .error = errno};
  const auto taken = static_cast<std::uint32_t>(sent);
  if (taken == frames.size()) return {.taken = taken};
  return {.taken = taken, .error = LostError(frames[taken].size())};
}

int PacketSocket::LostError(std::size_t frame_size) const {
  const auto flags = AskInterface(fd_.get(), options_.interface, SIOCGIFFLAGS);
  if (!flags) return ENXIO;
  if ((flags->ifr_flags & IFF_UP) == 0) return ENETDOWN;
  const auto mtu = AskInterface(fd_.get(), options_.interface, SIOCGIFMTU);
  if (mtu && frame_size > static_cast<std::size_t>(mtu->ifr_mtu) + kEthernetHeader) return EMSGSIZE;
  return ENOBUFS;
}

}  // namespace knetlab
