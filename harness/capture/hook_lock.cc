// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "harness/capture/hook_map.h"
#include "harness/capture/hook_slots.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kLockHook = "capture at";

void MakeFolder(const char* path) {
  if (::mkdir(path, 0700) != 0 && errno != EEXIST) throw ErrnoError("make folder", path, errno);
}

std::string HolderOf(int file) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(file, text.data(), text.size() - 1, 0);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : "?";
}

bool IsThere(int file, const std::string& path) {
  struct stat held = {};
  struct stat there = {};
  return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino &&
         held.st_dev == there.st_dev;
}

}  // namespace

HookLock::HookLock(std::uint32_t map_id, const std::string& hook)
    : path_(fmt::format("{}/{}", kCaptureLocks, map_id)) {
  MakeFolder("/run/knetlab");
  MakeFolder(kCaptureLocks);
  for (;;) {
    UniqueFd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw ErrnoError("open lock", path_, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) throw ErrnoError("lock", path_, errno);
      throw Error({.what = kLockHook,
                   .where = hook,
                   .why = fmt::format("process {} captures there", HolderOf(file.get())),
                   .hint = "one capture has a hook at a time: end that one first",
                   .detail = "",
                   .code = EBUSY});
    }
    if (!IsThere(file.get(), path_)) continue;  // its holder removed it between our open and our lock
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
      throw ErrnoError("write lock", path_, errno);
    file_ = std::move(file);
    return;
  }
}

HookLock::HookLock(HookLock&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

HookLock::~HookLock() {
  if (file_) ::unlink(path_.c_str());  // before the lock goes: nobody locks a file that is not there
}

}  // namespace knetlab
