// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/cost.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include "harness/program/test_run.h"
#include "netns/error.h"

namespace knetlab {

UnitCost MeasureUnitCost(const Program& program, const std::vector<CostProbe>& probes, std::uint32_t repeat,
                         int samples) {
  std::vector<double> means;
  for (int sample = 0; sample < samples; sample++) {
    double sum = 0, weights = 0;
    for (const CostProbe& probe : probes) {
      TestRunResult run = TestRun(program, probe.packet, repeat);
      if (run.error != 0) continue;
      sum += static_cast<double>(run.duration_ns) * static_cast<double>(probe.weight);
      weights += static_cast<double>(probe.weight);
    }
    if (weights == 0) {
      throw Error({.what = "measure the cost of",
                   .where = program.name(),
                   .why = "the kernel ran it on no packet",
                   .hint = "",
                   .detail = "",
                   .code = EINVAL});
    }
    means.push_back(sum / weights);
  }
  std::sort(means.begin(), means.end());
  return {.ns_per_packet = means.at(means.size() / 2),
          .low = means.front(),
          .high = means.back(),
          .repeat = repeat,
          .samples = samples};
}

std::vector<CostProbe> ChooseProbes(const std::vector<std::span<const std::byte>>& packets,
                                    const std::vector<std::int64_t>& codes, std::size_t limit) {
  std::map<std::int64_t, std::vector<std::span<const std::byte>>> groups;
  for (std::size_t i = 0; i < packets.size() && i < codes.size(); i++) groups[codes[i]].push_back(packets[i]);
  std::vector<CostProbe> probes;
  for (auto& [code, group] : groups) {
    auto middle = group.begin() + static_cast<std::ptrdiff_t>(group.size() / 2);
    std::nth_element(group.begin(), middle, group.end(), [](auto a, auto b) { return a.size() < b.size(); });
    probes.push_back({*middle, group.size()});
  }
  std::stable_sort(probes.begin(), probes.end(),
                   [](const auto& a, const auto& b) { return a.weight > b.weight; });
  if (probes.size() > limit) probes.resize(limit);
  return probes;
}

}  // namespace knetlab
