// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: looking at the real kernel with tools that know nothing of knetlab.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "netns/error.h"
#include "netns/namespace.h"
#include "netns/topology_spec.h"

namespace knetlab::test {

// What a command prints, run inside the namespace: a child starts in the namespace of the thread that forks.
inline std::string Output(const Namespace& ns, const std::string& command) {
  return ns.Run([&] {
    std::string text;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return std::string("popen failed");
    std::array<char, 4096> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
      text.append(buffer.data(), size);
    ::pclose(pipe);
    return text;
  });
}

// The error that `work` throws; fails the test where it throws none.
template <typename F>
ErrorParts ErrorOf(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.parts();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

// Sends one UDP datagram from a socket in one namespace to a bound one in the other; what arrives within a
// second.
inline std::string SendDatagram(const Namespace& from, const Namespace& to, const std::string& address,
                                const std::string& text) {
  const IpAddress target = IpAddress::Parse(address);
  sockaddr_storage storage = {};
  socklen_t size = 0;
  if (target.family == AF_INET6) {
    auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&storage);
    ipv6->sin6_family = AF_INET6;
    std::copy_n(target.bytes.begin(), 16, ipv6->sin6_addr.s6_addr);
    size = sizeof *ipv6;
  } else {
    auto* ipv4 = reinterpret_cast<sockaddr_in*>(&storage);
    ipv4->sin_family = AF_INET;
    std::memcpy(&ipv4->sin_addr, target.bytes.data(), 4);
    size = sizeof *ipv4;
  }
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  const UniqueFd receiver(to.Run([&] {
    const int fd = ::socket(target.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;  // IPv6 lets a socket have an address of a local route only so
    if (target.family == AF_INET6) ::setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof on);
    if (::bind(fd, name, size) == 0) ::getsockname(fd, name, &size);  // the kernel chooses the port
    return fd;
  }));
  const UniqueFd sender(from.Run([&] { return ::socket(target.family, SOCK_DGRAM | SOCK_CLOEXEC, 0); }));
  if (::sendto(sender.get(), text.data(), text.size(), 0, name, size) < 0)
    return std::string("not sent: ") + std::strerror(errno);
  pollfd readable = {.fd = receiver.get(), .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, 1000) != 1) return "nothing arrived";
  std::string received(2048, 0);
  received.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::recv(receiver.get(), received.data(), received.size(), 0))));
  return received;
}

// client:eth0 10.0.0.1/24 fd00::1/64 - server:eth0 10.0.0.2/24 fd00::2/64
inline TopologySpec ClientAndServer() {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0] = {.ns = "client",
                  .interface = "eth0",
                  .addresses = {IpPrefix::Parse("10.0.0.1/24"), IpPrefix::Parse("fd00::1/64")},
                  .mac = {},
                  .offloads = {}};
  link.ends[1] = {.ns = "server",
                  .interface = "eth0",
                  .addresses = {IpPrefix::Parse("10.0.0.2/24"), IpPrefix::Parse("fd00::2/64")},
                  .mac = {},
                  .offloads = {}};
  spec.links = {link};
  return spec;
}

}  // namespace knetlab::test
