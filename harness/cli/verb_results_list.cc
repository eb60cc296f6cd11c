// SPDX-License-Identifier: Apache-2.0
// knetlab results list, show.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verb_results.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/recording.h"
#include "harness/scenario/results_documents.h"
#include "results/statistics.h"

namespace knetlab {
namespace {

// The repetitions of one scenario in a line.
struct Shown {
  std::size_t repetitions = 0, passed = 0;
  const ScenarioRecord* worst = nullptr;             // the first that did not pass
  std::map<std::string, std::vector<double>> costs;  // program -> medians
  std::vector<double> durations;
};

std::string Costs(const Shown& shown) {
  std::string text;
  for (const auto& [program, values] : shown.costs) {
    text += text.empty() ? "" : ", ";
    if (shown.costs.size() > 1) text += program + " ";
    text += fmt::format("{:.0f} ns", Median(values));
  }
  return text;
}

void Collect(const ScenarioRecord& record, Shown& shown) {
  shown.repetitions++;
  shown.durations.push_back(record.duration_s);
  if (record.outcome == "pass") {
    shown.passed++;
  } else if (shown.worst == nullptr) {
    shown.worst = &record;
  }
  std::map<std::string, std::vector<double>> samples;
  for (const Sample& sample : record.samples) {
    if (sample.metric.starts_with("cost.") && sample.kind == MetricKind::kSampled)
      samples[sample.metric.substr(sample.metric.find('.') + 1)].push_back(sample.value);
  }
  for (const auto& [program, values] : samples) shown.costs[program].push_back(Median(values));
}

std::string ScenarioTable(const std::vector<ScenarioRecord>& records, bool colour) {
  std::vector<std::string> order;
  std::map<std::string, Shown> scenarios;
  for (const ScenarioRecord& record : records) {
    const std::string key = fmt::format("{}  {}  {}", record.name, record.rig, record.kernel);
    if (!scenarios.contains(key)) order.push_back(key);
    Collect(record, scenarios[key]);
  }
  Table table({{"outcome"},
               {"scenario"},
               {"passed", Align::kRight},
               {"time", Align::kRight},
               {"cost", Align::kRight}});
  constexpr std::size_t kSecond = 1;
  for (const std::string& key : order) {
    const Shown& shown = scenarios.at(key);
    const std::string outcome = shown.worst == nullptr ? "pass" : shown.worst->outcome;
    table.Add({Cell(outcome, outcome == "pass"   ? Style::kGood
                             : outcome == "skip" ? Style::kDim
                                                 : Style::kBad),
               key, fmt::format("{} of {}", shown.passed, shown.repetitions),
               FormatDuration(Median(shown.durations)), Costs(shown)});
    if (shown.worst != nullptr) table.AddBelow(kSecond, {shown.worst->reason, Style::kDim});
  }
  return table.Render({.colour = colour});
}

std::string Facts(const StoredRun& run) {
  Table table({{""}, {""}});
  table.Add({"run", fmt::format("{}  {}", run.number, run.run.id)});
  table.Add({"started", ShowTime(run.run.started_ns) + " UTC"});
  table.Add({"time", run.duration_s ? FormatDuration(*run.duration_s) : "it did not come to its end"});
  if (!run.run.label.empty()) table.Add({"label", run.run.label});
  if (!run.run.revision.empty()) table.Add({"revision", run.run.revision});
  table.Add({"knetlab", run.run.version});
  for (const auto& [key, value] : run.run.environment) {
    if (!value.empty()) table.Add({key, value});
  }
  return table.Render({.indent = 0});
}

}  // namespace

int ResultsList(Session& session) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const std::vector<StoredRun> runs = store.Runs();
  if (session.options.json) {
    session.output.Write(DumpDocument(ResultsListDocument(runs)));
    return kExitDone;
  }
  std::map<std::int64_t, std::string> names;
  for (const Baseline& baseline : store.Baselines())
    names[baseline.run] += (names[baseline.run].empty() ? "" : ", ") + baseline.name;
  Table table({{"run", Align::kRight},
               {"started (UTC)"},
               {"label"},
               {"baseline"},
               {"revision"},
               {"kernel"},
               {"scenarios"}});
  for (const StoredRun& run : runs) {
    const auto kernel = run.run.environment.find("kernel");
    table.Add({std::to_string(run.number), ShowTime(run.run.started_ns), run.run.label, names[run.number],
               ShortRevision(run.run.revision), kernel == run.run.environment.end() ? "" : kernel->second,
               ShowOutcomes(run) + (run.duration_s ? "" : ", not ended")});
  }
  session.output.Write(table.Render({.colour = session.output.colour()}) + "\n" +
                       FormatPlural(runs.size(), "run") + "\n");
  return kExitDone;
}

int ResultsShow(Session& session, const ResultsArguments& arguments) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const StoredRun run = store.Find(arguments.run).back();
  if (session.options.json) {
    session.output.Write(DumpDocument(StoredRunDocument(store, run)));
    return kExitDone;
  }
  session.output.Write(Facts(run) + "\n" + ScenarioTable(store.Scenarios(run), session.output.colour()));
  return kExitDone;
}

}  // namespace knetlab
