// SPDX-License-Identifier: Apache-2.0
#include "results/compare_sides.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>

#include "netns/error.h"
#include "results/statistics.h"

namespace knetlab {
namespace {

using Values = std::map<std::string, std::set<std::string>>;

// What each key of the environment was, in all runs of a side.
Values EnvironmentsOf(const std::vector<RunData>& side) {
  Values values;
  for (const RunData& data : side) {
    for (const auto& [key, value] : data.run.environment) values[key].insert(value);
    for (const ScenarioRecord& scenario : data.scenarios) values["rig"].insert(scenario.rig);
  }
  return values;
}

std::string Shown(const std::set<std::string>& values) {
  if (values.empty()) return "unknown";
  return fmt::format("{}", fmt::join(values, ", "));
}

std::vector<const RunData*> ByTime(const std::vector<RunData>& side) {
  std::vector<const RunData*> runs;
  runs.reserve(side.size());
  for (const RunData& data : side) runs.push_back(&data);
  std::stable_sort(runs.begin(), runs.end(),
                   [](const RunData* a, const RunData* b) { return a->run.started_ns < b->run.started_ns; });
  return runs;
}

// At least two turns each, so that a drift cannot look like a change.
bool TakeTurns(const std::vector<RunData>& before, const std::vector<RunData>& after) {
  std::vector<std::pair<std::int64_t, bool>> starts;
  starts.reserve(before.size() + after.size());
  for (const RunData& data : before) starts.emplace_back(data.run.started_ns, false);
  for (const RunData& data : after) starts.emplace_back(data.run.started_ns, true);
  std::sort(starts.begin(), starts.end());
  std::size_t turns = 1;
  for (std::size_t i = 1; i < starts.size(); i++) turns += starts[i].second != starts[i - 1].second ? 1 : 0;
  constexpr std::size_t kEnough = 4;
  return turns >= kEnough;
}

bool OneKernel(const std::vector<RunData>& side) {
  std::set<std::string> kernels;
  for (const RunData& data : side) {
    for (const ScenarioRecord& scenario : data.scenarios) kernels.insert(scenario.kernel);
  }
  return kernels.size() <= 1;
}

struct Matching {
  bool rig = true, kernel = true;  // parts of the key
};

void AddRecord(Group& group, const ScenarioRecord& record) {
  group.scenario_hashes.insert(record.scenario_sha256);
  for (const auto& [label, hash] : record.programs) group.program_hashes[label].insert(hash);
  for (const auto& [file, hash] : record.captures) group.capture_hashes[file].insert(hash);
  if (record.outcome == "skip") {
    group.skip_reason = record.reason;
    return;
  }
  group.ran++;
  std::map<std::string, std::vector<double>> samples;
  for (const Sample& sample : record.samples) {
    samples[sample.metric].push_back(sample.value);
    Series& series = group.metrics[sample.metric];
    series.unit = sample.unit;
    series.kind = sample.kind;
  }
  // A scenario that had an error has no account at all, which is not an account of zeros.
  const bool accounted = samples.contains("ledger.sent");
  for (auto& [metric, series] : group.metrics) {
    const auto found = samples.find(metric);
    if (found != samples.end()) series.values.push_back(Median(found->second));
    if (found == samples.end() && accounted && IsCount(metric)) series.values.push_back(0);
  }
  // Those that this repetition is the first to have: there were none of it before.
  if (!accounted) return;
  for (auto& [metric, series] : group.metrics) {
    const std::size_t should = group.metrics.at("ledger.sent").values.size();
    if (IsCount(metric) && series.values.size() < should)
      series.values.insert(series.values.begin(), should - series.values.size(), 0);
  }
}

Side ArrangeSide(const std::vector<RunData>& runs, Matching matching) {
  Side side;
  for (const RunData* data : ByTime(runs)) {
    for (const ScenarioRecord& record : data->scenarios) {
      const GroupKey key(record.name, matching.rig ? record.rig : "", matching.kernel ? record.kernel : "");
      const auto [at, is_new] = side.groups.try_emplace(key);
      Group& group = at->second;
      if (is_new) {
        side.order.push_back(key);
        group.scenario = record.name;
        group.rig = record.rig;
        group.kernel = record.kernel;
      }
      AddRecord(group, record);
    }
  }
  return side;
}

}  // namespace

bool IsCount(const std::string& metric) {
  return metric.starts_with("ledger.") || metric.starts_with("verdicts.");
}

void RequireSameEnvironment(const std::vector<RunData>& before, const std::vector<RunData>& after,
                            const std::set<std::string>& across) {
  if (across.contains("all")) return;
  const Values old_values = EnvironmentsOf(before), new_values = EnvironmentsOf(after);
  std::set<std::string> keys;
  for (const auto& [key, values] : old_values) keys.insert(key);
  for (const auto& [key, values] : new_values) keys.insert(key);
  std::vector<std::string> differ;
  std::string detail;
  for (const std::string& key : keys) {
    if (across.contains(key)) continue;
    const auto old_value = old_values.find(key), new_value = new_values.find(key);
    const std::set<std::string> was =
        old_value == old_values.end() ? std::set<std::string>() : old_value->second;
    const std::set<std::string> is =
        new_value == new_values.end() ? std::set<std::string>() : new_value->second;
    if (was == is) continue;
    differ.push_back(key);
    detail += fmt::format("{}: {} before, {} now\n", key, Shown(was), Shown(is));
  }
  if (differ.empty()) return;
  throw Error({.what = "compare",
               .where = "",
               .why = fmt::format("the environments differ: {}", fmt::join(differ, ", ")),
               .hint = fmt::format("--across {} compares them all the same", fmt::join(differ, ",")),
               .detail = detail,
               .code = EINVAL});
}

Sides ArrangeSides(const std::vector<RunData>& before, const std::vector<RunData>& after,
                   const std::set<std::string>& across) {
  const bool all = across.contains("all");
  Matching matching;
  matching.rig = !all && !across.contains("rig");
  // A run over many kernels is compared kernel by kernel.
  matching.kernel = !((all || across.contains("kernel")) && OneKernel(before) && OneKernel(after));
  return {.before = ArrangeSide(before, matching),
          .after = ArrangeSide(after, matching),
          .alternate = TakeTurns(before, after)};
}

}  // namespace knetlab
