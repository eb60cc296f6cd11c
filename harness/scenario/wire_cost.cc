// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/wire_cost.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "harness/measure/cost.h"
#include "harness/program/run_stats.h"

namespace knetlab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kEnough{60};
constexpr std::size_t kMostRounds = 150, kMostSamples = 10;

struct Measured {
  const LoadedProgram* program;
  RunCount last;
  std::uint64_t runs = 0;
  std::vector<double> rounds;  // ns a run
};

void ReadRound(Measured& measured, bool keep) {
  const RunCount now = RunStats::Read(*measured.program->program), last = std::exchange(measured.last, now);
  if (!keep || now.runs == last.runs) return;
  measured.runs += now.runs - last.runs;
  measured.rounds.push_back(static_cast<double>(now.time_ns - last.time_ns) /
                            static_cast<double>(now.runs - last.runs));
}

// Rounds that follow each other make one sample, of which the quiet ones count.
std::vector<double> SamplesOf(const std::vector<double>& rounds) {
  const std::size_t count = std::min(rounds.size(), kMostSamples);
  std::vector<double> samples;
  for (std::size_t i = 0; i < count; i++) {
    const auto begin = rounds.begin() + static_cast<std::ptrdiff_t>(i * rounds.size() / count);
    const auto end = rounds.begin() + static_cast<std::ptrdiff_t>((i + 1) * rounds.size() / count);
    samples.push_back(QuietOf({begin, end}));
  }
  return samples;
}

}  // namespace

std::vector<CostResult> MeasureWireCosts(const LoadedPrograms& programs,
                                         const std::function<void()>& send_all) {
  const RunStats on;
  std::vector<Measured> all;
  for (const auto& loaded : programs.all())
    all.push_back({.program = loaded.get(), .last = RunStats::Read(*loaded->program), .rounds = {}});
  const auto begin = Clock::now();
  for (std::size_t round = 0; round < kMostRounds; round++) {
    send_all();
    const bool over = Clock::now() - begin > kEnough;
    const bool warming_up = round == 0 && !over;
    for (Measured& measured : all) ReadRound(measured, !warming_up);
    if (over) break;
  }
  std::vector<CostResult> costs;
  for (const Measured& measured : all) {
    if (measured.rounds.empty()) continue;
    std::vector<double> samples = SamplesOf(measured.rounds);
    const double median = MedianOf(samples);
    costs.push_back({.program = measured.program->spec->label,
                     .value = median,
                     .runs = measured.runs,
                     .samples = std::move(samples)});
  }
  return costs;
}

}  // namespace knetlab
