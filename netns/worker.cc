// SPDX-License-Identifier: Apache-2.0
#include "netns/worker.h"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "netns/error.h"

namespace knetlab {

std::thread StartQuietThread(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
  try {
    std::thread thread(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (const std::system_error& error) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw ErrnoError("start thread", "", error.code().value(),
                     "the limit of threads may be reached (ulimit -u)");
  }
}

NamespaceWorker::NamespaceWorker(int namespace_fd, const std::string& label) {
  int failure = 0;
  thread_ = StartQuietThread([this, namespace_fd, &failure] {
    const int result = ::setns(namespace_fd, CLONE_NEWNET) == 0 ? 0 : errno;
    {
      const std::lock_guard lock(mutex_);
      failure = result;
      done_ = true;
      changed_.notify_all();
    }
    if (result == 0) Loop();
  });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
  if (failure == 0) return;
  lock.unlock();
  thread_.join();
  throw ErrnoError("enter namespace", label, failure,
                   failure == EPERM ? "this needs CAP_SYS_ADMIN: run as root" : "");
}

NamespaceWorker::~NamespaceWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void NamespaceWorker::Run(const std::function<void()>& work) {
  if (std::this_thread::get_id() == thread_.get_id()) return work();
  const std::lock_guard one_caller(callers_);
  std::unique_lock lock(mutex_);
  work_ = &work;
  done_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return done_; });
  if (auto failure = std::exchange(failure_, nullptr)) std::rethrow_exception(failure);
}

void NamespaceWorker::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || work_ != nullptr; });
    if (work_ == nullptr) return;
    const auto* work = std::exchange(work_, nullptr);
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*work)();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = std::move(failure);
    done_ = true;
    changed_.notify_all();
  }
}

}  // namespace knetlab
