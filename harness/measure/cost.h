// SPDX-License-Identifier: Apache-2.0
// What a run of a program costs without any tracing, measured so that two runs of the lab can be compared on
// a machine that others use too: many short slices on one CPU, of which each sample takes the quick ones. A
// neighbour that makes some slices slow changes nothing as long as some are quiet. docs/measure.md has the
// protocol and what it achieves.
#pragma once

#include <chrono>
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

struct UnitCostOptions {
  int samples = 10;
  int slices = 15;                        // of a sample, for each probe
  std::chrono::microseconds slice{100};   // how long one should take
  std::chrono::milliseconds enough{500};  // begin no sample later than this, but make one
};

struct UnitCost {
  std::vector<double> samples;  // ns a packet, in their order; none: there is no cost to ask for
  std::uint64_t repeat = 0;     // runs in a sample

  double ns_per_packet() const;  // median of the samples
  double low() const;            // smallest and largest sample
  double high() const;
};

// The value below which a fifth of the slices lie: those that nobody disturbed. Not the least, which one
// misread clock would set. Of at least one value.
double QuietOf(std::vector<double> slices);
double MedianOf(std::vector<double> values);  // the upper of two middle ones

// BPF_PROG_TEST_RUN with as many repetitions as fit a slice, by the CPU time of this thread, which stays on
// one CPU meanwhile; each sample is the mean over the probes by weight. Changes the program's maps, as so
// many packets would. Without samples where the kernel's test run takes none of the probes.
UnitCost MeasureUnitCost(const Program& program, const std::vector<CostProbe>& probes,
                         const UnitCostOptions& options = {});

// Enough for a program's usual ways through, few enough for one slice each.
inline constexpr std::size_t kCostProbes = 4;

// At most `limit` probes for these packets: one for each code that the program returned, of the middle length
// among its packets.
std::vector<CostProbe> ChooseProbes(const std::vector<std::span<const std::byte>>& packets,
                                    const std::vector<std::int64_t>& codes, std::size_t limit);

}  // namespace knetlab
