// SPDX-License-Identifier: Apache-2.0
#include "netns/holder.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

constexpr const char* kStartHolder = "start a process that holds the lab";

// As after any fork of a process with threads: system calls only.
void CloseRange(unsigned first, unsigned last) {
  if (first <= last) ::syscall(SYS_close_range, first, last, 0);
}

// `held` is sorted.
[[noreturn]] void Hold(const std::vector<int>& held, int report) {
  ::setsid();
  // Whoever reads our output must see its end when we are done.
  const int null = ::open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  [[maybe_unused]] const int ignored = ::chdir("/");
  ::prctl(PR_SET_NAME, "knetlab-hold");
  const int pid = ::getpid();
  const bool told = ::write(report, &pid, sizeof pid) == sizeof pid;
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : held) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) CloseRange(next, kept - 1);
    next = std::max(next, kept + 1);
  }
  CloseRange(next, UINT_MAX);
  ::signal(SIGTERM, SIG_DFL);
  sigset_t others;
  sigfillset(&others);
  sigdelset(&others, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &others, nullptr);
  while (told) ::pause();
  ::_exit(0);
}

}  // namespace

int StartHolder(std::vector<int> descriptors) {
  std::sort(descriptors.begin(), descriptors.end());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError(kStartHolder, "", errno);
  const UniqueFd report(ends[0]);
  UniqueFd report_in(ends[1]);
  // Twice, so that it is init's child, which nobody of ours has to wait for.
  const pid_t between = ::fork();
  if (between < 0) throw ErrnoError(kStartHolder, "", errno);
  if (between == 0) {
    const pid_t holder = ::fork();
    if (holder == 0) Hold(descriptors, report_in.get());
    ::_exit(holder < 0 ? errno : 0);
  }
  report_in.reset();
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  int pid = 0;
  ssize_t got = 0;
  while ((got = ::read(report.get(), &pid, sizeof pid)) < 0 && errno == EINTR) {
  }
  if (got != sizeof pid)
    throw ErrnoError(kStartHolder, "",
                     WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EIO);
  return pid;
}

}  // namespace knetlab
