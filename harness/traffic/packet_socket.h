// SPDX-License-Identifier: Apache-2.0
// An AF_PACKET socket that only sends. It belongs to the namespace of the thread that makes it and is used by
// one thread.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/traffic/stoppable_wait.h"
#include "netns/fd.h"

namespace knetlab {

class PacketSocket {
 public:
  struct Options {
    std::string interface;
    std::string where;            // "client:eth0", for errors
    std::uint32_t max_batch = 1;  // frames of one Send() at most
    bool qdisc_bypass = false;
  };

  struct Outcome {
    std::uint32_t taken = 0;  // frames that the kernel took: the first ones
    int error = 0;            // errno of the frame after them, 0 where all were taken
    bool stopped = false;     // the stop came before the frame could be offered
  };

  // Throws Error: no such interface, not Ethernet.
  explicit PacketSocket(Options options);

  int fd() const { return fd_.get(); }
  std::uint64_t cookie() const;
  std::uint32_t ifindex() const { return ifindex_; }  // of the device that it sends out of

  // The kernel may find the frame too long. Such a frame is to be sent alone: see Send().
  bool MayExceedMtu(std::size_t frame_size) const;

  // Offers frames to the kernel in one system call. It ends at the first one refused, and tells the errno
  // only where that was the first of the call (sendmmsg(2) loses it otherwise); in other cases the state of
  // the interface says what it must have been. A refused frame must not be offered again: with ENOBUFS there
  // was an skb, which other programs may have seen.
  Outcome Send(std::span<const std::span<const std::byte>> frames, const StoppableWait& wait);

 private:
  Outcome SendOne(std::span<const std::byte> frame, const StoppableWait& wait);
  int LostError(std::size_t frame_size) const;

  Options options_;
  UniqueFd fd_;
  std::uint32_t ifindex_ = 0;
  int mtu_ = 0;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> messages_;
};

}  // namespace knetlab
