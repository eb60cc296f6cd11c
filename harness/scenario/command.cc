// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{64} << 10;

std::pair<UniqueFd, UniqueFd> Pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("make a pipe", "", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// In the child, between clone and exec: only what is safe after a fork of a threaded process.
[[noreturn]] void BecomeCommand(char* const* argv, char* const* variables, int output, int errors,
                                int failure, int cgroup_procs) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (cgroup_procs >= 0 && ::write(cgroup_procs, "0", 1) != 1) {
    const int refused = errno;
    [[maybe_unused]] ssize_t ignored = ::write(failure, &refused, sizeof(refused));
    ::_exit(127);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execvpe(argv[0], argv, variables);
  int error = errno;
  [[maybe_unused]] ssize_t ignored = ::write(failure, &error, sizeof(error));
  ::_exit(127);
}

class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    Wait();
  }
  int Wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

// Appends what can be read to `text`, up to the limit. False at the end of the stream.
bool ReadSome(int fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), std::min(static_cast<std::size_t>(got), kMaxOutput - text.size()));
  return got > 0 || (got < 0 && errno == EINTR);
}

// For exec: pointers into the texts.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Ours, with these instead of what it has under their names.
std::vector<std::string> EnvironmentWith(std::vector<std::string> variables) {
  const std::size_t added = variables.size();
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    const std::string_view one = *inherited;
    const bool replaced =
        std::any_of(variables.begin(), variables.begin() + static_cast<std::ptrdiff_t>(added),
                    [&](const std::string& variable) {
                      return one.starts_with(variable.substr(0, variable.find('=') + 1));
                    });
    if (!replaced) variables.emplace_back(one);
  }
  return variables;
}

CommandResult RunHere(const std::vector<std::string>& argv, const std::vector<std::string>& variables,
                      int stop_fd, const Cgroup* cgroup) {
  auto [output_read, output_write] = Pipe();
  auto [errors_read, errors_write] = Pipe();
  auto [failure_read, failure_write] = Pipe();
  const std::vector<std::string> all_variables = EnvironmentWith(variables);
  const std::vector<char*> arguments = Pointers(argv), environment = Pointers(all_variables);
  // A PID namespace of its own: when its first process is gone, so are all the others.
  auto pid = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
  if (pid < 0) throw ErrnoError("run command", argv[0], errno);
  if (pid == 0)
    BecomeCommand(arguments.data(), environment.data(), output_write.get(), errors_write.get(),
                  failure_write.get(), cgroup != nullptr ? cgroup->procs_fd() : -1);
  Child child(pid);
  output_write.reset();
  errors_write.reset();
  failure_write.reset();
  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!ended) throw ErrnoError("wait for command", argv[0], errno);
  CommandResult result;
  // poll() passes over a descriptor of -1, which is what a stream that has ended has.
  for (bool running = true; running || output_read || errors_read;) {
    std::array<pollfd, 4> waits = {pollfd{output_read.get(), POLLIN, 0}, pollfd{errors_read.get(), POLLIN, 0},
                                   pollfd{running ? ended.get() : -1, POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR)
      throw ErrnoError("wait for command", argv[0], errno);
    if (waits[3].revents != 0) {
      throw Error({.what = "run command",
                   .where = argv[0],
                   .why = "it was stopped before it ended",
                   .hint = "raise the scenario's timeout",
                   .detail = result.standard_output + result.standard_error,
                   .code = ECANCELED});
    }
    if (waits[0].revents != 0 && !ReadSome(output_read.get(), result.standard_output)) output_read.reset();
    if (waits[1].revents != 0 && !ReadSome(errors_read.get(), result.standard_error)) errors_read.reset();
    if (waits[2].revents != 0) running = false;
  }
  int error = 0;
  if (::read(failure_read.get(), &error, sizeof(error)) == sizeof(error)) {
    throw ErrnoError("run command", argv[0], error, error == ENOENT ? "is it installed, and in PATH?" : "");
  }
  result.status = child.Wait();
  return result;
}

}  // namespace

CommandResult RunCommand(const Namespace& ns, const std::vector<std::string>& argv,
                         const std::vector<std::string>& variables, const std::stop_token& stop,
                         const Cgroup* cgroup) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake) throw ErrnoError("run command", argv.at(0), errno);
  std::stop_callback on_stop(stop, [&] {
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t ignored = ::write(wake.get(), &one, sizeof(one));
  });
  return ns.Run([&] { return RunHere(argv, variables, wake.get(), cgroup); });
}

}  // namespace knetlab
