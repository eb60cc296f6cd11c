// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP as a stop token: the first asks everything to end and clean up, the second ends
// the process at once (the kernel then takes back what the lab made). A signal that was ignored when the
// command began stays ignored.
//
// Make one before any thread: threads inherit the blocked signals.
#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

#include "netns/fd.h"

namespace knetlab {

class Interrupt {
 public:
  Interrupt();  // throws Error
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  // The signal that came; 0: none.
  int signal() const { return signal_; }
  // Ctrl-C is for a child that has the terminal from now on.
  void LeaveKeyboardToChild() { keyboard_ = false; }
  // What signals the process had blocked before: a child's.
  const sigset_t& mask_before() const { return before_; }
  // Ends the process by the signal that came, if one did: who started it can tell.
  void DieIfInterrupted() const;

 private:
  void Watch();
  [[noreturn]] void DieBy(int signal) const;

  sigset_t before_{};
  std::stop_source stop_;
  std::atomic<int> signal_ = 0;
  std::atomic<bool> keyboard_ = true;
  UniqueFd signals_, end_;
  std::thread watcher_;
};

}  // namespace knetlab
