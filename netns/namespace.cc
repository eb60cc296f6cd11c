// SPDX-License-Identifier: Apache-2.0
#include "netns/namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "netns/error.h"
#include "netns/nearest.h"
#include "netns/worker.h"

namespace knetlab {
namespace {

constexpr const char* kNamedNamespaces = "/run/netns";
// Below this many a second thread costs more than it saves.
constexpr std::size_t kManyNamespaces = 16;

[[noreturn]] void ThrowCreateError(const std::string& label, int error) {
  std::string hint;
  if (error == EPERM) hint = "this needs CAP_SYS_ADMIN: run as root";
  if (error == EMFILE)
    hint = "each namespace holds one descriptor: raise the limit of open files (ulimit -n)";
  if (error == ENOSPC) hint = "raise user.max_net_namespaces";
  throw ErrnoError("create namespace", label, error, hint);
}

std::uint64_t InodeOf(int fd) {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

// A new namespace for the calling thread, which lives in it afterwards.
UniqueFd EnterNewNamespace(const std::string& label) {
  if (::unshare(CLONE_NEWNET) != 0) ThrowCreateError(label, errno);
  UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) ThrowCreateError(label, errno);
  return fd;
}

std::vector<std::string> NamedNamespaces() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kNamedNamespaces, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

struct Namespace::Impl {
  Impl(std::string name, UniqueFd descriptor)
      : label(std::move(name)), fd(std::move(descriptor)), inode(InodeOf(fd.get())) {}

  NamespaceWorker& worker() {
    const std::lock_guard lock(worker_mutex);
    if (!lazy_worker) lazy_worker.emplace(fd.get(), label);
    return *lazy_worker;
  }

  std::string label;
  UniqueFd fd;
  std::uint64_t inode;
  std::mutex worker_mutex;
  std::optional<NamespaceWorker>
      lazy_worker;  // started at the first Run(): a thousand namespaces need no thousand threads
};

Namespace::Namespace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Namespace::Namespace(Namespace&&) noexcept = default;
Namespace& Namespace::operator=(Namespace&&) noexcept = default;
Namespace::~Namespace() = default;

Namespace Namespace::Create(std::string label) {
  return std::move(CreateMany({std::move(label)}, nullptr).front());
}

std::vector<Namespace> Namespace::CreateMany(const std::vector<std::string>& labels,
                                             const std::function<void(std::size_t, int)>& inside) {
  std::vector<UniqueFd> descriptors(labels.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex failure_mutex;
  std::exception_ptr failure;
  const auto body = [&] {
    try {
      for (std::size_t i = next++; i < labels.size() && !failed; i = next++) {
        descriptors[i] = EnterNewNamespace(labels[i]);
        if (inside) inside(i, descriptors[i].get());
      }
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      failed = true;
    }
  };
  // Threads of our own even for one namespace: the caller's thread never leaves its namespace.
  std::vector<std::thread> threads;
  const std::size_t wanted =
      labels.size() < kManyNamespaces ? 1 : std::min(2U, std::max(1U, std::thread::hardware_concurrency()));
  try {
    while (threads.size() < wanted) threads.push_back(StartQuietThread(body));
  } catch (...) {
    failed = true;
    failure = std::current_exception();
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);

  std::vector<Namespace> namespaces;
  namespaces.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    namespaces.push_back(Namespace(std::make_unique<Impl>(labels[i], std::move(descriptors[i]))));
  }
  return namespaces;
}

Namespace Namespace::Open(const std::string& name_or_path) {
  const bool is_path = name_or_path.find('/') != std::string::npos;
  const std::string path = is_path ? name_or_path : std::string(kNamedNamespaces) + "/" + name_or_path;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    throw ErrnoError("open namespace", name_or_path, error,
                     is_path || error != ENOENT ? "" : NearestHint(name_or_path, NamedNamespaces()));
  }
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    throw Error({.what = "open namespace",
                 .where = name_or_path,
                 .why = "not a network namespace",
                 .hint = "a name below /run/netns, or a path such as /proc/PID/ns/net",
                 .detail = "",
                 .code = EINVAL});
  }
  return Namespace(std::make_unique<Impl>(name_or_path, std::move(fd)));
}

const std::string& Namespace::label() const {
  return impl_->label;
}
int Namespace::fd() const {
  return impl_->fd.get();
}
std::uint64_t Namespace::inode() const {
  return impl_->inode;
}
void Namespace::RunErased(const std::function<void()>& work) const {
  impl_->worker().Run(work);
}

}  // namespace knetlab
