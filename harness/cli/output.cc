// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "harness/cli/terminal.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;

void WriteAll(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw ErrnoError("write", name, written < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Renaming over a device, a pipe or /dev/stdout would replace it by a file.
bool IsSpecial(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

void WriteSpecial(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) throw ErrnoError("open", path, errno);
  WriteAll(fd.get(), text, path);
}

void WriteWhole(const std::string& path, std::string_view text) {
  std::error_code unresolved;
  fs::path target =
      fs::weakly_canonical(path, unresolved);  // a link stays one: what it points to is replaced
  if (unresolved) target = path;
  std::string beside = fmt::format("{}.knetlab-XXXXXX", target.string());
  const UniqueFd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) throw ErrnoError("write", path, errno);
  try {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    struct stat before {};
    const mode_t mode = ::stat(target.c_str(), &before) == 0 ? before.st_mode & 07777U : 0666U & ~mask;
    if (::fchmod(fd.get(), mode) != 0) throw ErrnoError("write", path, errno);
    WriteAll(fd.get(), text, path);
    if (::fsync(fd.get()) != 0) throw ErrnoError("write", path, errno);
    if (::rename(beside.c_str(), target.c_str()) != 0) throw ErrnoError("write", path, errno);
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

}  // namespace

void Output::Write(std::string_view text) {
  if (file_.empty()) {
    WriteAll(STDOUT_FILENO, text, "stdout");
  } else {
    held_ += text;
  }
}

void Output::Commit() {
  if (file_.empty()) return;
  if (IsSpecial(file_)) {
    WriteSpecial(file_, held_);
  } else {
    WriteWhole(file_, held_);
  }
  held_.clear();
}

bool Output::colour() const {
  return file_.empty() && WantsColour(STDOUT_FILENO);
}
std::size_t Output::width() const {
  return WidthOf(file_.empty() ? STDOUT_FILENO : -1);
}

}  // namespace knetlab
