// SPDX-License-Identifier: Apache-2.0
#include "harness/program/run_stats.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "netns/error.h"

namespace knetlab {

RunStats::RunStats() : fd_(bpf_enable_stats(BPF_STATS_RUN_TIME)) {
  if (!fd_) throw ErrnoError("turn on", "BPF run statistics", errno, "run as root, on Linux 5.8 or later");
}

RunCount RunStats::Read(const Program& program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program.fd(), &info, &size) != 0) {
    throw ErrnoError("read run statistics of", "program " + program.name(), errno);
  }
  return {.runs = info.run_cnt, .time_ns = info.run_time_ns};
}

}  // namespace knetlab
