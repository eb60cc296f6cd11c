// SPDX-License-Identifier: Apache-2.0
#include "netns/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include "netns/error.h"
#include "netns/process_start.h"

namespace knetlab {
namespace {

constexpr const char* kMakeCgroup = "make cgroup";
constexpr std::string_view kPrefix = "knetlab-";
constexpr int kPatience = 2000;  // ms: for the kernel to end what was killed

// "knetlab-PID-START-NUMBER"
struct Owner {
  int pid = 0;
  unsigned long long start = 0;
};
std::optional<Owner> OwnerOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  Owner owner;
  const char* end = name.data() + name.size();
  const auto pid = std::from_chars(name.data(), end, owner.pid);
  if (pid.ec != std::errc() || pid.ptr == end || *pid.ptr != '-') return std::nullopt;
  const auto start = std::from_chars(pid.ptr + 1, end, owner.start);
  if (start.ec != std::errc() || start.ptr == end || *start.ptr != '-') return std::nullopt;
  return owner;
}

// Whoever is in it is killed. False where it stays.
bool Remove(const std::string& path) {
  if (::rmdir(path.c_str()) == 0) return true;
  const UniqueFd kill(::open((path + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));  // Linux 5.14
  if (kill && ::write(kill.get(), "1", 1) != 1) return false;
  const UniqueFd events(::open((path + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  while (::rmdir(path.c_str()) != 0) {
    if (errno == ENOENT) return true;
    std::array<char, 256> text{};  // reading it arms the next change
    if (errno != EBUSY || ::pread(events.get(), text.data(), text.size(), 0) <= 0) return false;
    pollfd wait{events.get(), POLLPRI, 0};
    if (::poll(&wait, 1, kPatience) == 0) return ::rmdir(path.c_str()) == 0;
  }
  return true;
}

// mountinfo writes space, tab, newline and backslash of a path as \ooo (proc(5)).
std::string Unescape(const std::string& text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      path +=
          static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
      i += 3;
    } else {
      path += text[i];
    }
  }
  return path;
}

// What a child tells that made a socket.
struct Answer {
  int fd = -1, code = 0;
};

}  // namespace

Cgroup::Cgroup(const std::string& label) {
  static std::atomic<unsigned> number{0};
  const std::string mount = Cgroup2Mount();
  if (mount.empty())
    throw ErrnoError(kMakeCgroup, label, ENOENT,
                     "mount cgroup2: mount -t cgroup2 none /sys/fs/cgroup/unified");
  path_ = fmt::format("{}/{}{}-{}-{}", mount, kPrefix, ::getpid(), ProcessStart(::getpid()), number++);
  if (::mkdir(path_.c_str(), 0755) != 0)
    throw ErrnoError(kMakeCgroup, path_, errno, errno == EACCES || errno == EPERM ? "run as root" : "");
  folder_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  procs_ = UniqueFd(::open((path_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!folder_ || !procs_) {
    const int code = errno;
    Remove(path_);
    throw ErrnoError(kMakeCgroup, path_, code);
  }
}

Cgroup::~Cgroup() {
  Remove(path_);
}

UniqueFd Cgroup::OpenSocket(int family, int type, int protocol) const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("enter cgroup", path_, errno);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  // It has our descriptors, so the socket is among them, and memory of its own.
  const auto child =
      static_cast<pid_t>(::syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
  if (child < 0) throw ErrnoError("enter cgroup", path_, errno);
  if (child == 0) {  // system calls only
    Answer answer;
    if (::write(procs_.get(), "0", 1) == 1) answer.fd = ::socket(family, type, protocol);
    if (answer.fd < 0) answer.code = errno;
    [[maybe_unused]] const ssize_t told = ::write(write_end.get(), &answer, sizeof answer);
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  // All of it is there, or nothing: the child was killed.
  Answer answer{.fd = -1, .code = ESRCH};
  int waiting = 0;
  if (::ioctl(read_end.get(), FIONREAD, &waiting) == 0 && waiting == static_cast<int>(sizeof answer))
      [[maybe_unused]]
    const ssize_t got = ::read(read_end.get(), &answer, sizeof answer);
  UniqueFd socket(answer.fd);
  if (!socket) throw ErrnoError("open socket in cgroup", path_, answer.code);
  return socket;
}

std::string Cgroup2Mount() {
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // "ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS [TAGS...] - TYPE SOURCE SUPEROPTIONS"
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos || line.compare(separator + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields(line);
    std::string field;
    for (int number = 1; number <= 5; ++number) fields >> field;
    return Unescape(field);
  }
  return "";
}

std::vector<std::string> SweepCgroups() {
  std::vector<std::string> removed;
  const std::string mount = Cgroup2Mount();
  if (mount.empty()) return removed;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(mount, ignored)) {
    const std::optional<Owner> owner = OwnerOf(entry.path().filename().string());
    if (!owner || ProcessStart(owner->pid) == owner->start) continue;
    if (Remove(entry.path().string())) removed.push_back(entry.path().string());
  }
  return removed;
}

}  // namespace knetlab
