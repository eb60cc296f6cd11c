// SPDX-License-Identifier: Apache-2.0
// The kernel's own count and time of program runs (BPF_ENABLE_STATS, Linux 5.8). It costs every BPF program
// on the machine some 20 ns a run while it is on, so it is on only while a RunStats lives.
#pragma once

#include <cstdint>

#include "harness/program/object.h"
#include "netns/fd.h"

namespace knetlab {

struct RunCount {
  std::uint64_t runs = 0;
  std::uint64_t time_ns = 0;
};

class RunStats {
 public:
  RunStats();  // throws Error
  // Totals of a program since it was loaded, counted while any RunStats of the machine was on.
  static RunCount Read(const Program& program);

 private:
  UniqueFd fd_;
};

}  // namespace knetlab
