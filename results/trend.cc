// SPDX-License-Identifier: Apache-2.0
#include "results/trend.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

#include "netns/error.h"
#include "results/statistics.h"

namespace knetlab {
namespace {

using Key = std::tuple<std::string, std::string, std::string>;  // scenario, rig, kernel

struct Collected {
  std::string unit;
  std::vector<double> values;  // one a repetition
};

std::map<Key, Collected> ValuesOf(const std::vector<ScenarioRecord>& scenarios, const std::string& metric,
                                  const std::string& scenario, std::set<std::string>& metrics) {
  std::map<Key, Collected> found;
  for (const ScenarioRecord& record : scenarios) {
    if (!scenario.empty() && record.name != scenario) continue;
    std::vector<double> values;
    std::string unit;
    for (const Sample& sample : record.samples) {
      metrics.insert(sample.metric);
      if (sample.metric != metric) continue;
      values.push_back(sample.value);
      unit = sample.unit;
    }
    if (values.empty()) continue;
    Collected& collected = found[{record.name, record.rig, record.kernel}];
    collected.unit = unit;
    collected.values.push_back(Median(values));
  }
  return found;
}

Error NoSuchMetric(const Store& store, const std::string& metric, const std::string& scenario,
                   const std::set<std::string>& metrics) {
  std::string why = "no run has it";
  if (!scenario.empty()) why += " for a scenario " + scenario;
  std::string all;
  for (const std::string& name : metrics) all += name + "\n";
  return Error({.what = "show the trend of",
                .where = metric + " in " + store.path(),
                .why = why,
                .hint = metrics.empty() ? "knetlab results list shows what there is" : "one of those below",
                .detail = all,
                .code = ENOENT});
}

}  // namespace

std::vector<TrendSeries> TrendOf(Store& store, const std::string& metric, const std::string& scenario) {
  std::map<Key, TrendSeries> series;
  std::set<std::string> metrics;
  for (const StoredRun& run : store.Runs()) {
    for (auto& [key, collected] : ValuesOf(store.Scenarios(run), metric, scenario, metrics)) {
      TrendSeries& one = series[key];
      std::tie(one.scenario, one.rig, one.kernel) = key;
      one.unit = collected.unit;
      const auto [low, high] = std::minmax_element(collected.values.begin(), collected.values.end());
      one.points.push_back({.run = run.number,
                            .started_ns = run.run.started_ns,
                            .label = run.run.label,
                            .revision = run.run.revision,
                            .low = *low,
                            .median = Median(collected.values),
                            .high = *high,
                            .samples = collected.values.size()});
    }
  }
  if (series.empty()) throw NoSuchMetric(store, metric, scenario, metrics);
  std::vector<TrendSeries> list;
  list.reserve(series.size());
  for (auto& [key, one] : series) list.push_back(std::move(one));
  return list;
}

}  // namespace knetlab
