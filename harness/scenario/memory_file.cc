// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "netns/error.h"

namespace knetlab {

MemoryFile::MemoryFile(const std::string& name, std::string_view bytes)
    : fd_(::memfd_create(name.c_str(), MFD_CLOEXEC)) {
  if (!fd_) throw ErrnoError("make a file in memory", name, errno);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw ErrnoError("write a file in memory", name, written < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace knetlab
