// SPDX-License-Identifier: Apache-2.0
// What a run of a program costs, by the kernel's own clock, without any tracing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/program/object.h"

namespace knetlab {

// A packet that stands for `weight` packets that the program treats alike.
struct CostProbe {
  std::span<const std::byte> packet;
  std::uint64_t weight = 1;
};

struct UnitCost {
  double ns_per_packet = 0;  // median of the samples
  double low = 0, high = 0;  // smallest and largest sample
  std::uint32_t repeat = 0;  // runs of each probe in a sample
  int samples = 0;
};

// BPF_PROG_TEST_RUN with `repeat`; each sample is the mean over the probes by weight. Changes the program's
// maps, as so many packets would. Each probe of each sample costs up to 20 ms of waiting inside the kernel.
// Throws Error where no probe can run.
UnitCost MeasureUnitCost(const Program& program, const std::vector<CostProbe>& probes, std::uint32_t repeat,
                         int samples);

// At most `limit` probes for these packets: one for each code that the program returned, of the middle length
// among its packets.
std::vector<CostProbe> ChooseProbes(const std::vector<std::span<const std::byte>>& packets,
                                    const std::vector<std::int64_t>& codes, std::size_t limit);

}  // namespace knetlab
