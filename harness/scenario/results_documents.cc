// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/results_documents.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

template <typename Value>
Json OrNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json RunOf(const StoredRun& run) {
  return {{"number", run.number},
          {"id", run.run.id},
          {"started_ns", run.run.started_ns},
          {"duration_s", OrNull(run.duration_s)},
          {"label", run.run.label},
          {"revision", run.run.revision},
          {"version", run.run.version},
          {"environment", run.run.environment},
          {"outcomes", run.outcomes}};
}

Json RunsOf(const std::vector<StoredRun>& runs) {
  Json list = Json::array();
  for (const StoredRun& run : runs) list.push_back(RunOf(run));
  return list;
}

Json ChangeOf(const Change& change) {
  return {{"scenario", change.scenario},
          {"rig", change.rig},
          {"kernel", change.kernel},
          {"metric", change.metric},
          {"unit", change.unit},
          {"kind", MetricKindName(change.kind)},
          {"before", OrNull(change.before)},
          {"after", OrNull(change.after)},
          {"before_samples", change.before_samples},
          {"after_samples", change.after_samples},
          {"ratio", OrNull(change.ratio)},
          {"ratio_low", OrNull(change.ratio_low)},
          {"ratio_high", OrNull(change.ratio_high)},
          {"p_value", OrNull(change.p_value)},
          {"p_adjusted", OrNull(change.p_adjusted)},
          {"verdict", ChangeVerdictName(change.verdict)},
          {"note", change.note}};
}

}  // namespace

Json ResultsListDocument(const std::vector<StoredRun>& runs) {
  return {{"schema", "knetlab.results-list/1"}, {"runs", RunsOf(runs)}};
}

Json CompareDocument(const std::vector<StoredRun>& runs, const std::vector<StoredRun>& baseline,
                     const Comparison& comparison) {
  Json document = {{"schema", "knetlab.results-compare/1"},
                   {"runs", RunsOf(runs)},
                   {"baseline", RunsOf(baseline)},
                   {"changes", Json::array()},
                   {"appeared", comparison.appeared},
                   {"vanished", comparison.vanished},
                   {"notes", comparison.notes},
                   {"level", kCompareLevel},
                   {"tests", comparison.tests},
                   {"undecided", comparison.undecided},
                   {"repetitions_needed", comparison.repetitions_needed},
                   {"summary",
                    {{"same", comparison.Count(ChangeVerdict::kSame)},
                     {"better", comparison.Count(ChangeVerdict::kBetter)},
                     {"worse", comparison.Count(ChangeVerdict::kWorse)}}}};
  for (const Change& change : comparison.changes) document["changes"].push_back(ChangeOf(change));
  return document;
}

Json MergeDocument(const std::string& store, const MergeResult& result) {
  return {{"schema", "knetlab.results-merge/1"}, {"store", store},        {"runs", result.runs},
          {"scenarios", result.scenarios},       {"known", result.known}, {"incomplete", result.incomplete}};
}

Json BaselinesDocument(const std::vector<Baseline>& baselines) {
  Json document = {{"schema", "knetlab.results-baseline/1"}, {"baselines", Json::array()}};
  for (const Baseline& baseline : baselines)
    document["baselines"].push_back(
        {{"name", baseline.name}, {"run", baseline.run}, {"set_ns", baseline.set_ns}});
  return document;
}

Json TrendDocument(const std::string& metric, const std::vector<TrendSeries>& series) {
  Json document = {{"schema", "knetlab.results-trend/1"}, {"metric", metric}, {"series", Json::array()}};
  for (const TrendSeries& one : series) {
    Json points = Json::array();
    for (const TrendPoint& point : one.points) {
      points.push_back({{"run", point.run},
                        {"started_ns", point.started_ns},
                        {"label", point.label},
                        {"revision", point.revision},
                        {"low", point.low},
                        {"median", point.median},
                        {"high", point.high},
                        {"samples", point.samples}});
    }
    document["series"].push_back({{"scenario", one.scenario},
                                  {"rig", one.rig},
                                  {"kernel", one.kernel},
                                  {"unit", one.unit},
                                  {"points", std::move(points)}});
  }
  return document;
}

}  // namespace knetlab
