// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/stoppable_wait.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// A stop is noticed at once in poll(), and after at most this time in clock_nanosleep(), which alone is
// exact.
constexpr std::uint64_t kExactNs = 10'000'000;

timespec ToTimespec(std::uint64_t ns) {
  return {.tv_sec = static_cast<time_t>(ns / kSecond), .tv_nsec = static_cast<long>(ns % kSecond)};
}

UniqueFd MakeEvent() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) throw ErrnoError("create", "eventfd", errno);
  return event;
}

}  // namespace

std::uint64_t MonotonicNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

StoppableWait::StoppableWait(std::stop_token stop)
    : stop_(std::move(stop)),
      event_(MakeEvent()),
      on_stop_(stop_, [fd = event_.get()] { ::eventfd_write(fd, 1); }) {}

bool StoppableWait::Until(std::uint64_t deadline_ns) const {
  for (std::uint64_t now = MonotonicNs(); now < deadline_ns && !stopped(); now = MonotonicNs()) {
    const std::uint64_t left = deadline_ns - now;
    if (left > kExactNs) {
      pollfd event{.fd = event_.get(), .events = POLLIN, .revents = 0};
      const timespec timeout = ToTimespec(left - kExactNs);
      ::ppoll(&event, 1, &timeout, nullptr);
      continue;
    }
    const timespec deadline = ToTimespec(deadline_ns);
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
  }
  return !stopped();
}

bool StoppableWait::Writable(int socket) const {
  while (!stopped()) {
    pollfd events[] = {{.fd = socket, .events = POLLOUT, .revents = 0},
                       {.fd = event_.get(), .events = POLLIN, .revents = 0}};
    // An error condition (POLLERR) ends the wait too: the next send names it.
    if (::poll(events, std::size(events), -1) > 0 && events[0].revents != 0) break;
  }
  return !stopped();
}

}  // namespace knetlab
