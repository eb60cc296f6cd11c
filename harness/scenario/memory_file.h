// SPDX-License-Identifier: Apache-2.0
// A file in memory that has a path while it lives: for libraries that only read files by name.
//
//   MemoryFile file("filter.o", bytes);
//   bpf_object__open_file(file.path().c_str(), nullptr);
#pragma once

#include <string>
#include <string_view>

#include "netns/fd.h"

namespace knetlab {

class MemoryFile {
 public:
  // `name` is what /proc shows. Throws Error.
  MemoryFile(const std::string& name, std::string_view bytes);

  int fd() const { return fd_.get(); }
  // Below /proc/self/fd: for this process alone.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  UniqueFd fd_;
};

}  // namespace knetlab
