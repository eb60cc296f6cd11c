// SPDX-License-Identifier: Apache-2.0
// Compiled filters through the kernel: its verifier takes them, and its JIT's code decides as the interpreter
// of classic BPF does. For tests and `filter_soak`. Thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "harness/filter/testing/compare.h"
#include "harness/program/raw_program.h"

namespace knetlab::filter_testing {

class KernelFilter {
 public:
  explicit KernelFilter(const Compiled& compiled);  // throws Error where the verifier refuses it

  FilterTarget target() const { return target_; }
  // What it returned; no value where the kernel does not try such a packet.
  std::optional<std::uint32_t> Run(const PacketBytes& packet) const;
  // What the program sees of a packet: a socket filter has no Ethernet header in a test run.
  PacketBytes Seen(const PacketBytes& packet) const;

 private:
  FilterTarget target_;
  RawProgram program_;
};

struct KernelCounts {
  std::size_t programs = 0, verdicts = 0, untried = 0;
};

// All targets on all packets. `counts` is added to, where there is one.
std::optional<Difference> CompareInKernel(const ClassicProgram& program,
                                          const std::vector<PacketBytes>& packets,
                                          KernelCounts* counts = nullptr);

}  // namespace knetlab::filter_testing
