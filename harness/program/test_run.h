// SPDX-License-Identifier: Apache-2.0
// BPF_PROG_TEST_RUN: one packet through one loaded program, without any device. Works for XDP, TC and socket
// filters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/program/object.h"

namespace knetlab {

struct TestRunResult {
  int error = 0;                  // errno of a packet that the kernel refuses to try (too large ...); else 0
  std::uint32_t code = 0;         // what the program returned
  std::vector<std::byte> out;     // the packet that came out
  std::uint32_t duration_ns = 0;  // mean of the repetitions, cut by the kernel to whole nanoseconds
};

// `packet` begins with its Ethernet header and has at least 14 bytes. Throws Error where the program cannot
// be tried at all.
TestRunResult TestRun(const Program& program, std::span<const std::byte> packet, std::uint32_t repeat = 1);

}  // namespace knetlab
