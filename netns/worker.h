// SPDX-License-Identifier: Apache-2.0
// A thread that lives in one network namespace and carries out work there, one piece after another.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace knetlab {

// Starts a thread with all signals blocked: signals are the caller's business (Ctrl-C ends a run in an
// orderly way), and a library's thread that takes them would make system calls of the lab end with EINTR.
std::thread StartQuietThread(std::function<void()> body);

class NamespaceWorker {
 public:
  // Throws Error where the namespace cannot be entered. The descriptor must stay open until this returns.
  NamespaceWorker(int namespace_fd, const std::string& label);
  ~NamespaceWorker();
  NamespaceWorker(const NamespaceWorker&) = delete;
  NamespaceWorker& operator=(const NamespaceWorker&) = delete;

  // From any thread. Waits for the work; throws what it throws. From the worker itself: runs in place.
  void Run(const std::function<void()>& work);

 private:
  void Loop();

  std::mutex callers_;  // held by the one caller whose work is being done
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* work_ = nullptr;
  std::exception_ptr failure_;
  bool done_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace knetlab
