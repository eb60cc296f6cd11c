// SPDX-License-Identifier: Apache-2.0
// A socket of the lab's own that takes packets in a namespace: what a scenario's `sockets:` declares, and
// what socket filters are attached to. Either it is read all the time, by a thread of its own, or it holds
// what it is given until its buffer is full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "netns/cgroup.h"
#include "netns/fd.h"
#include "netns/ip.h"
#include "netns/namespace.h"

namespace knetlab {

struct ReceiverOptions {
  enum class Kind { kUdp, kTcpListen, kPacket } kind = Kind::kUdp;
  IpAddress address;  // kUdp, kTcpListen
  std::uint16_t port = 0;
  std::string interface;           // kPacket: all packets of an interface, from the network header on
  bool read = true;                // else held
  bool reuseport = false;          // shares its address and port with others that say so, too
  const Cgroup* cgroup = nullptr;  // opened in it; nullptr: in the caller's
  std::optional<std::uint32_t> buffer_bytes;  // of the receive buffer, as the kernel counts it
};

class Receiver {
 public:
  // Bound when this returns. Throws Error.
  Receiver(const Namespace& ns, const ReceiverOptions& options, std::string label);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  int fd() const { return socket_.get(); }
  std::uint64_t cookie() const { return cookie_; }  // SO_COOKIE

 private:
  void Drain();

  UniqueFd socket_, wake_;
  std::uint64_t cookie_ = 0;
  bool accepts_ = false;
  std::thread thread_;
};

}  // namespace knetlab
