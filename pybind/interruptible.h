// SPDX-License-Identifier: Apache-2.0
// Long calls of the library from Python: other Python threads go on meanwhile, and Ctrl-C ends the call.
//
//   TryResult result = CallInterruptibly<TryResult>([&](std::stop_token stop) { return Try(options, stop);
//   });
//
// Python only notes a signal when it comes; its handlers run where the main thread asks for them. So the work
// goes to a thread of its own, and the calling thread asks every kSignalInterval. When a handler raises, the
// work is asked to stop, its clean-up is waited for, and what the handler raised goes on.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <csignal>
#include <future>
#include <stop_token>
#include <thread>
#include <utility>

namespace knetlab {

inline constexpr std::chrono::milliseconds kSignalInterval{100};

// Signals are for Python's threads: none of them is to break a system call of the library off.
inline void BlockSignals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

// Called with the GIL held, returns with it held; `work` runs without. Throws what `work` throws, and
// error_already_set where a signal's handler raised.
template <typename Result, typename Work>
Result CallInterruptibly(Work work) {
  std::packaged_task<Result(std::stop_token)> task(std::move(work));
  std::future<Result> result = task.get_future();
  // The order matters: the worker is stopped and joined first, without the GIL.
  pybind11::gil_scoped_release release;
  std::jthread worker([&task](std::stop_token stop) {
    BlockSignals();
    task(std::move(stop));
  });
  while (result.wait_for(kSignalInterval) != std::future_status::ready) {
    pybind11::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
  }
  return result.get();
}

}  // namespace knetlab
