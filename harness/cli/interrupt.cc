// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "netns/error.h"

namespace knetlab {

Interrupt::Interrupt() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    ::sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&wanted, number);
  }
  signals_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC));
  end_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!signals_ || !end_) throw ErrnoError("wait for", "signals", errno);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  watcher_ = std::thread([this] { Watch(); });
}

Interrupt::~Interrupt() {
  const std::uint64_t one = 1;
  while (::write(end_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  watcher_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::Watch() {
  std::array<pollfd, 2> ready = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = end_.get(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[1].revents != 0) return;
    signalfd_siginfo came{};
    if (::read(signals_.get(), &came, sizeof came) != sizeof came) continue;
    const int number = static_cast<int>(came.ssi_signo);
    if (number == SIGINT && !keyboard_) continue;
    if (signal_ != 0) DieBy(number);
    signal_ = number;
    stop_.request_stop();
  }
}

void Interrupt::DieBy(int signal) const {
  ::signal(signal, SIG_DFL);
  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &it, nullptr);
  ::kill(::getpid(), signal);
  // Delivered before kill() returns where this thread takes it; else another thread is about to.
  for (;;) ::pause();
}

void Interrupt::DieIfInterrupted() const {
  if (signal_ != 0) DieBy(signal_);
}

}  // namespace knetlab
