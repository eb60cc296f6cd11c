// SPDX-License-Identifier: Apache-2.0
// Probes of mounts, limits, and of what virtual machines need.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include "harness/scenario/probes.h"
#include "netns/cgroup.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kAnswerDeadlineMs = 5000;
constexpr rlim_t kManyFiles = 4096;  // a thousand namespaces with what belongs to each

// A child that is killed and waited for, whatever happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  pid_t pid_;
};

// The first line that a command prints.
std::string FirstLineOf(const char* command, const char* argument) {
  std::array<int, 2> ends{};
  RequireCall(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name(command), option(argument);
  std::array<char*, 3> argv = {name.data(), option.data(), nullptr};
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, command, &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw ErrnoError("run", command, code);
  const Child child(pid);
  out.reset();

  std::string line;
  std::array<char, 256> buffer{};
  pollfd readable = {.fd = in.get(), .events = POLLIN, .revents = 0};
  while (line.find('\n') == std::string::npos && line.size() < 1024) {
    if (RequireCall(::poll(&readable, 1, kAnswerDeadlineMs), "poll") == 0)
      FailProbe("run command", "it hangs", ETIMEDOUT);
    const ssize_t size = ::read(in.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return line.substr(0, line.find('\n'));
}

}  // namespace

std::string ProbeBpffs(ProbeBench&) {
  constexpr const char* kPath = "/sys/fs/bpf";
  struct statfs status {};
  if (::statfs(kPath, &status) != 0) throw ErrnoError("look at", kPath, errno);
  if (static_cast<std::uint32_t>(status.f_type) != BPF_FS_MAGIC)
    FailProbe(fmt::format("look at {}", kPath), "no bpffs is mounted there");
  if (::access(kPath, W_OK) != 0) throw ErrnoError("write to", kPath, errno);
  return fmt::format("mounted at {}", kPath);
}

std::string ProbeCgroup2(ProbeBench&) {
  const std::string mount = Cgroup2Mount();
  if (mount.empty()) FailProbe("find cgroup2", "it is not mounted", ENOENT);
  return fmt::format("mounted at {}", mount);
}

std::string ProbeNofile(ProbeBench&) {
  rlimit limit{};
  RequireCall(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  if (limit.rlim_max < kManyFiles) {
    FailProbe("look at limit of open files",
              fmt::format("{}, which is too few for large topologies", limit.rlim_max), EMFILE);
  }
  return fmt::format("{}, can be raised to {}", limit.rlim_cur, limit.rlim_max);
}

std::string ProbeMembarrier(ProbeBench&) {
  RequireCall(static_cast<int>(::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0)), "membarrier(GLOBAL)");
  return "all CPUs passed a barrier";
}

std::string ProbeQemu(ProbeBench&) {
  constexpr const char* kCommand = "qemu-system-x86_64";
  std::string line = FirstLineOf(kCommand, "--version");
  if (line.empty()) FailProbe(fmt::format("run {} --version", kCommand), "it printed nothing");
  return line;
}

std::string ProbeKvm(ProbeBench&) {
  constexpr const char* kPath = "/dev/kvm";
  const UniqueFd kvm(::open(kPath, O_RDWR | O_CLOEXEC));
  if (!kvm) throw ErrnoError("open", kPath, errno);
  const int version = RequireCall(::ioctl(kvm.get(), KVM_GET_API_VERSION, 0), "ioctl(KVM_GET_API_VERSION)");
  if (version != KVM_API_VERSION) FailProbe("use KVM", fmt::format("its interface has version {}", version));
  const UniqueFd machine(RequireCall(::ioctl(kvm.get(), KVM_CREATE_VM, 0), "ioctl(KVM_CREATE_VM)"));
  const UniqueFd cpu(RequireCall(::ioctl(machine.get(), KVM_CREATE_VCPU, 0), "ioctl(KVM_CREATE_VCPU)"));
  return "a machine with a CPU was made (no kernel was booted in it)";
}

}  // namespace knetlab
