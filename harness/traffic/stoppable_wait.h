// SPDX-License-Identifier: Apache-2.0
// Waiting that a std::stop_token ends: for a time, or for a socket to take more.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "netns/fd.h"

namespace knetlab {

std::uint64_t MonotonicNs();

class StoppableWait {
 public:
  explicit StoppableWait(std::stop_token stop);

  bool stopped() const { return stop_.stop_requested(); }
  // Until the monotonic clock shows `deadline_ns`. False where the stop came first.
  bool Until(std::uint64_t deadline_ns) const;
  // Until the socket has room to send. False where the stop came first.
  bool Writable(int socket) const;

 private:
  std::stop_token stop_;
  UniqueFd event_;  // becomes readable when the stop is requested
  std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace knetlab
