// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/deadline.h"

#include <utility>

namespace knetlab {

Deadline::Deadline(std::stop_token outer, std::chrono::duration<double> after)
    : on_outer_(std::move(outer), [this] { stop_.request_stop(); }),
      timer_([this, after](const std::stop_token& done) {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, done, after, [] { return false; });
        if (done.stop_requested()) return;
        expired_ = true;
        lock.unlock();
        stop_.request_stop();
      }) {}

bool Deadline::expired() const {
  std::lock_guard lock(mutex_);
  return expired_;
}

}  // namespace knetlab
