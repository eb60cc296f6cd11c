// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/receiver.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "netns/error.h"

namespace knetlab {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address AddressOf(const ReceiverOptions& options, const std::string& label) {
  Address address;
  if (options.kind == ReceiverOptions::Kind::kPacket) {
    sockaddr_ll link{};
    link.sll_family = AF_PACKET;
    link.sll_protocol = htons(ETH_P_ALL);
    link.sll_ifindex = static_cast<int>(::if_nametoindex(options.interface.c_str()));
    if (link.sll_ifindex == 0)
      throw ErrnoError("open socket", label, errno, "no interface " + options.interface);
    std::memcpy(&address.storage, &link, sizeof(link));
    address.size = sizeof(link);
  } else if (options.address.family == AF_INET6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(options.port);
    std::memcpy(&in.sin6_addr, options.address.bytes.data(), 16);
    std::memcpy(&address.storage, &in, sizeof(in));
    address.size = sizeof(in);
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(options.port);
    std::memcpy(&in.sin_addr, options.address.bytes.data(), 4);
    std::memcpy(&address.storage, &in, sizeof(in));
    address.size = sizeof(in);
  }
  return address;
}

UniqueFd Open(const ReceiverOptions& options, const std::string& label) {
  const bool packet = options.kind == ReceiverOptions::Kind::kPacket,
             tcp = options.kind == ReceiverOptions::Kind::kTcpListen;
  const int family = packet ? AF_PACKET : options.address.family;
  // A packet socket gets its protocol with bind(), so that it sees nothing of other interfaces before.
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  UniqueFd fd = options.cgroup != nullptr ? options.cgroup->OpenSocket(family, type, 0)
                                          : UniqueFd(::socket(family, type, 0));
  if (!fd) throw ErrnoError("open socket", label, errno);
  if (options.buffer_bytes) {
    int half = static_cast<int>(*options.buffer_bytes / 2);  // the kernel doubles what it is given
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) != 0) {
      throw ErrnoError("set the receive buffer of socket", label, errno);
    }
  }
  if (const int yes = 1;
      options.reuseport && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0)
    throw ErrnoError("share the address of socket", label, errno);
  Address address = AddressOf(options, label);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    throw ErrnoError("bind socket", label, errno, "is the address one of the namespace's?");
  }
  if (tcp && ::listen(fd.get(), SOMAXCONN) != 0) throw ErrnoError("listen on socket", label, errno);
  return fd;
}

void ReadAll(int fd) {
  std::array<char, 1 << 16> buffer{};
  while (::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC) > 0) {
  }
}

}  // namespace

Receiver::Receiver(const Namespace& ns, const ReceiverOptions& options, std::string label)
    : socket_(ns.Run([&] { return Open(options, label); })),
      wake_(::eventfd(0, EFD_CLOEXEC)),
      accepts_(options.kind == ReceiverOptions::Kind::kTcpListen) {
  socklen_t size = sizeof(cookie_);
  if (!wake_ || ::getsockopt(socket_.get(), SOL_SOCKET, SO_COOKIE, &cookie_, &size) != 0) {
    throw ErrnoError("open socket", label, errno);
  }
  if (options.read) thread_ = std::thread([this] { Drain(); });
}

Receiver::~Receiver() {
  if (!thread_.joinable()) return;
  std::uint64_t one = 1;
  while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void Receiver::Drain() {
  std::vector<UniqueFd> connections;
  for (;;) {
    std::vector<pollfd> waits = {{wake_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}};
    for (const UniqueFd& connection : connections) waits.push_back({connection.get(), POLLIN, 0});
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[0].revents != 0) return;
    if (accepts_ && waits[1].revents != 0) {
      UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (connection) connections.push_back(std::move(connection));
    } else if (waits[1].revents != 0) {
      ReadAll(socket_.get());
    }
    for (std::size_t i = 2; i < waits.size(); i++) {
      if (waits[i].revents == 0) continue;
      ReadAll(connections[i - 2].get());
      char byte = 0;
      if (::recv(connections[i - 2].get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
        connections[i - 2].reset();
    }
    std::erase_if(connections, [](const UniqueFd& connection) { return !connection; });
  }
}

}  // namespace knetlab
