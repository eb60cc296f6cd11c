// SPDX-License-Identifier: Apache-2.0
// knetlab results compare.
#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verb_results.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/results_documents.h"
#include "netns/error.h"
#include "results/compare.h"

namespace knetlab {
namespace {

std::set<std::string> SplitByComma(const std::string& text) {
  std::set<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.insert(word);
  return words;
}

// A run is not compared with itself: what both names mean is only on the new side.
std::vector<StoredRun> Without(std::vector<StoredRun> baseline, const std::vector<StoredRun>& runs) {
  for (const StoredRun& run : runs)
    std::erase_if(baseline, [&](const StoredRun& one) { return one.number == run.number; });
  return baseline;
}

std::vector<RunData> DataOf(Store& store, const std::vector<StoredRun>& runs) {
  std::vector<RunData> data;
  data.reserve(runs.size());
  for (const StoredRun& run : runs) data.push_back(store.Data(run));
  return data;
}

std::string Names(const std::vector<StoredRun>& runs) {
  if (runs.size() == 1) {
    const StoredRun& run = runs.front();
    std::string text = fmt::format("run {}, {} UTC", run.number, ShowTime(run.run.started_ns));
    if (!run.run.label.empty()) text += ", " + run.run.label;
    if (!run.run.revision.empty()) text += ", " + ShortRevision(run.run.revision);
    return text;
  }
  std::string text = FormatPlural(runs.size(), "run") + ":";
  for (const StoredRun& run : runs) text += fmt::format(" {}", run.number);
  return text;
}

std::string Ratio(const Change& change) {
  return change.ratio && change.before != change.after ? fmt::format("{:.3f}", *change.ratio) : "";
}

std::string Interval(const Change& change) {
  return change.ratio_low ? fmt::format("{:.3f} to {:.3f}", *change.ratio_low, *change.ratio_high) : "";
}

std::string PValue(const Change& change) {
  if (!change.p_adjusted) return "";
  return *change.p_adjusted < 1e-4 ? fmt::format("{:.0e}", *change.p_adjusted)
                                   : fmt::format("{:.4f}", *change.p_adjusted);
}

Cell VerdictCell(ChangeVerdict verdict) {
  if (verdict == ChangeVerdict::kWorse) return {"WORSE", Style::kBad};
  if (verdict == ChangeVerdict::kBetter) return {"better", Style::kGood};
  return {"same", Style::kDim};
}

bool IsShown(const Change& change, bool all) {
  return all || change.verdict != ChangeVerdict::kSame || change.metric.starts_with("cost.");
}

std::string Changes(const Comparison& comparison, bool all, bool colour) {
  Table table({{"verdict"},
               {"scenario"},
               {"metric"},
               {"before", Align::kRight},
               {"after", Align::kRight},
               {"unit"},
               {"ratio", Align::kRight},
               {"95 % interval"},
               {"p", Align::kRight},
               {""}});
  bool any = false;
  for (const Change& change : comparison.changes) {
    if (!IsShown(change, all)) continue;
    any = true;
    table.Add({VerdictCell(change.verdict), change.scenario, change.metric,
               change.before ? ShowValue(*change.before) : "", change.after ? ShowValue(*change.after) : "",
               change.unit, Ratio(change), Interval(change), PValue(change), Cell(change.note, Style::kDim)});
  }
  return any ? table.Render({.colour = colour}) + "\n" : "";
}

std::string Told(const Comparison& comparison) {
  std::string text;
  const auto tell = [&](const char* word, const std::vector<std::string>& names) {
    for (const std::string& name : names) text += fmt::format("{:<9} {}\n", word, TerminalSafe(name));
  };
  tell("appeared", comparison.appeared);
  tell("vanished", comparison.vanished);
  tell("note", comparison.notes);
  if (comparison.undecided > 0) {
    text +=
        fmt::format("undecided {} too few repetitions to tell; {} of each side are enough (--repeat {})\n",
                    comparison.undecided == 1 ? "1 measurement has"
                                              : fmt::format("{} measurements have", comparison.undecided),
                    comparison.repetitions_needed, comparison.repetitions_needed);
  }
  return text;
}

std::string Summary(const Comparison& comparison, bool colour) {
  const std::size_t worse = comparison.Count(ChangeVerdict::kWorse);
  return fmt::format("{}, {} better, {} the same\n",
                     Paint(fmt::format("{} worse", worse), worse > 0 ? Style::kBad : Style::kGood, colour),
                     comparison.Count(ChangeVerdict::kBetter), comparison.Count(ChangeVerdict::kSame));
}

}  // namespace

int ResultsCompare(Session& session, const ResultsArguments& arguments) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const std::vector<StoredRun> runs = store.Find(arguments.run);
  const std::vector<StoredRun> baseline = Without(store.Find(arguments.baseline), runs);
  if (baseline.empty()) {
    throw Error({.what = "compare",
                 .where = arguments.run + " with " + arguments.baseline,
                 .why = "both are the same run",
                 .hint = "knetlab results list shows the runs",
                 .detail = "",
                 .code = EINVAL});
  }
  const Comparison comparison =
      Compare(DataOf(store, baseline), DataOf(store, runs),
              {.threshold_percent = arguments.threshold, .across = SplitByComma(arguments.across)});
  if (session.options.json) {
    session.output.Write(DumpDocument(CompareDocument(runs, baseline, comparison)));
  } else {
    const bool colour = session.output.colour();
    session.output.Write(
        fmt::format("after   {}\nbefore  {}\n\n", TerminalSafe(Names(runs)), TerminalSafe(Names(baseline))) +
        Changes(comparison, arguments.all, colour) + Told(comparison) + Summary(comparison, colour));
  }
  return comparison.Count(ChangeVerdict::kWorse) > 0 ? kExitNotHeld : kExitDone;
}

}  // namespace knetlab
