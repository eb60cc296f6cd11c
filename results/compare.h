// SPDX-License-Identifier: Apache-2.0
// Compares runs with a baseline, metric by metric, so that a job can trust the answer: no alarm where nothing
// changed, and none left out where a single packet's fate did.
//
// Exact metrics (counts) are compared for equality. Sampled ones are called changed where all of these hold:
//   - the rank test of Mann and Whitney says so at a level of 0.001, corrected for the number of tests after
//     Holm. Holm, not a false discovery rate: one false alarm among hundreds of metrics fails the job as
//     surely as ten do, so the chance of even one is what has to be small.
//   - the medians differ by more than the threshold, and by more than what a median of that kind is good for:
//   50 % of latencies, 200 % of a scenario's duration. Other processes move these between two runs of the
//   same by 24 % and 120 % (docs/measure.md).
//   - they differ by more than each side drifted within itself, first half against second: a machine that
//   slows
//     down under one side is no change of the program. Runs that alternate (before, after, before, after ...)
//     drift alike, and are not held to this.
// The unit is the repetition of a scenario: several samples of one repetition count as their median.
//
// Pure: what it says depends on its arguments only. Errors: environments that differ, nothing in common.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "results/record.h"

namespace knetlab {

inline constexpr double kCompareLevel = 0.001;  // chance of even one false alarm of a comparison

struct CompareOptions {
  double threshold_percent = 2;
  // What may differ between the two: keys of the environment ("kernel", "cpu"), "rig", or "all".
  std::set<std::string> across;
};

enum class ChangeVerdict { kSame, kBetter, kWorse };
std::string_view ChangeVerdictName(ChangeVerdict verdict);  // "same" ...

struct Change {
  std::string scenario, rig, kernel, metric, unit;
  MetricKind kind = MetricKind::kExact;
  std::optional<double> before, after;  // sampled: medians. None: the metric is not on that side
  std::size_t before_samples = 0, after_samples = 0;
  std::optional<double> ratio;                  // after / before
  std::optional<double> ratio_low, ratio_high;  // 95 % interval; sampled only
  std::optional<double> p_value;                // sampled only, as the test gave it
  std::optional<double> p_adjusted;             // after Holm; what the verdict rests on
  ChangeVerdict verdict = ChangeVerdict::kSame;
  std::string note;  // why it is the same although it looks otherwise, or what a person should know
};

struct Comparison {
  std::vector<Change> changes;                  // by scenario, as it ran; every metric that both sides have
  std::vector<std::string> appeared, vanished;  // scenarios, and metrics of scenarios that both have
  std::vector<std::string> notes;               // scenario files, captures and programs that are not the same
  std::size_t tests = 0;                        // of the family that Holm corrected for
  std::size_t undecided = 0;                    // sampled metrics with too few repetitions to tell anything
  std::size_t repetitions_needed = 0;           // of each side, so that they can
  std::size_t Count(ChangeVerdict verdict) const;
};

// Each side may be several runs. Throws Error.
Comparison Compare(const std::vector<RunData>& before, const std::vector<RunData>& after,
                   const CompareOptions& options);

}  // namespace knetlab
