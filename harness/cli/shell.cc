// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/shell.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stop_token>

#include "netns/error.h"

namespace knetlab {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentFor(const std::string& ns) {
  std::vector<std::string> variables = {"KNETLAB_NAMESPACE=" + ns};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).rfind("KNETLAB_NAMESPACE=", 0) != 0) variables.emplace_back(*variable);
  }
  return variables;
}

// In the child, where other threads' locks may be held for ever: system calls only.
[[noreturn]] void BecomeCommand(int ns_fd, int report_fd, pid_t parent, char* const* argv,
                                char* const* variables, const sigset_t& mask) {
  ::prctl(PR_SET_PDEATHSIG, SIGHUP);  // a shell does not outlive its topology
  if (::getppid() != parent) ::_exit(128 + SIGHUP);
  int code = 0;
  if (::setns(ns_fd, CLONE_NEWNET) != 0) {
    code = errno;
  } else {
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::execvpe(argv[0], argv, variables);
    code = errno;
  }
  [[maybe_unused]] const ssize_t ignored = ::write(report_fd, &code, sizeof code);
  ::_exit(127);
}

int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw ErrnoError("wait for", "command", errno);
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int RunInNamespace(const Namespace& ns, std::vector<std::string> argv, Interrupt& interrupt) {
  if (argv.empty()) {
    const char* shell = std::getenv("SHELL");
    argv.emplace_back(shell != nullptr && *shell != '\0' ? shell : "/bin/sh");
  }
  std::vector<std::string> variables = EnvironmentFor(ns.label());
  const std::vector<char*> arguments = Pointers(argv), environment = Pointers(variables);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("make", "pipe", errno);
  const UniqueFd report(ends[0]);
  UniqueFd report_in(ends[1]);

  interrupt.LeaveKeyboardToChild();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw ErrnoError("run", argv[0], errno);
  if (pid == 0) {
    BecomeCommand(ns.fd(), report_in.get(), parent, arguments.data(), environment.data(),
                  interrupt.mask_before());
  }
  report_in.reset();
  int code = 0;
  const bool failed =
      ::read(report.get(), &code, sizeof code) == sizeof code;  // ends without a word when the command runs
  int status = 0;
  {
    // By descriptor, since the number may be another process's once it is waited for (Linux 5.3). A shell at
    // its prompt ignores SIGTERM, not SIGHUP.
    const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const std::stop_callback pass_on(
        interrupt.token(), [&] { ::syscall(SYS_pidfd_send_signal, child.get(), SIGHUP, nullptr, 0); });
    status = WaitFor(pid);
  }
  if (failed) throw ErrnoError("run", argv[0], code);
  return status;
}

}  // namespace knetlab
