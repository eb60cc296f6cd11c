// SPDX-License-Identifier: Apache-2.0
#include "harness/program/program_info.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "netns/error.h"

namespace knetlab {

bpf_prog_info InfoOfProgram(int fd, const std::string& where) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) throw ErrnoError("inspect program", where, errno);
  return info;
}

}  // namespace knetlab
