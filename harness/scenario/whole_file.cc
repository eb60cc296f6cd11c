// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

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

// A link stays one: what it points to is replaced.
fs::path Target(const std::string& path) {
  std::error_code unresolved;
  fs::path target = fs::weakly_canonical(path, unresolved);
  return unresolved ? fs::path(path) : target;
}

void WriteRegular(const std::string& path, std::string_view text) {
  const fs::path target = Target(path);
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

// The errno of making a file in the folder, 0 where it works. A file without a name leaves nothing behind;
// some file systems have none such.
int TryFolder(const fs::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (fd) return 0;
  const int code = errno;
  const bool unknown = code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
  if (!unknown) return code;
  std::string name = folder / ".knetlab-XXXXXX";
  const UniqueFd named(::mkostemp(name.data(), O_CLOEXEC));
  if (!named) return errno;
  ::unlink(name.c_str());
  return 0;
}

std::string Hint(int code, const fs::path& folder) {
  switch (code) {
    case ENOENT:
      return fmt::format("mkdir -p {}", folder.string());
    case ENOTDIR:
      return fmt::format("{} is not a folder: choose another", folder.string());
    case ENOSPC:
      return "make room, or choose another folder";
    default:
      return "choose a folder that can be written to";
  }
}

}  // namespace

void WriteWholeFile(const std::string& path, std::string_view text) {
  if (IsSpecial(path)) {
    WriteSpecial(path, text);
  } else {
    WriteRegular(path, text);
  }
}

void RequireWritable(const std::string& path, const std::string& what) {
  if (fs::is_directory(path)) throw ErrnoError(what, path, EISDIR, "name a file in it");
  if (IsSpecial(path)) {
    if (::access(path.c_str(), W_OK) != 0) throw ErrnoError(what, path, errno, "choose a file");
    return;
  }
  fs::path folder = Target(path).parent_path();
  if (folder.empty()) folder = ".";
  if (const int code = TryFolder(folder); code != 0) throw ErrnoError(what, path, code, Hint(code, folder));
}

}  // namespace knetlab
