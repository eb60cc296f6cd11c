// SPDX-License-Identifier: Apache-2.0
// A stop token that fires at a deadline, or when an outer one does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace knetlab {

class Deadline {
 public:
  Deadline(std::stop_token outer, std::chrono::duration<double> after);

  std::stop_token token() const { return stop_.get_token(); }
  bool expired() const;  // it was the deadline that fired

 private:
  std::stop_source stop_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool expired_ = false;
  std::stop_callback<std::function<void()>> on_outer_;
  std::jthread timer_;  // last: ends before what it uses
};

}  // namespace knetlab
