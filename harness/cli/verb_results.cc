// SPDX-License-Identifier: Apache-2.0
// knetlab results: what was recorded.
#include "harness/cli/verb_results.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <memory>

namespace knetlab {

Store OpenStore(const Session& session, Store::Mode mode) {
  return Store(session.options.store.value_or(kDefaultStore), mode);
}

std::string ShowTime(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(ns / kSecond)));
}

std::string ShowOutcomes(const StoredRun& run) {
  std::string text;
  for (const auto& [outcome, word] :
       {std::pair("pass", "passed"), {"fail", "failed"}, {"error", "with an error"}, {"skip", "skipped"}}) {
    const auto found = run.outcomes.find(outcome);
    if (found != run.outcomes.end())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, word);
  }
  return text;
}

std::string ShortRevision(const std::string& text) {
  constexpr std::size_t kLength = 12;
  return text.substr(0, kLength);
}

std::string ShowValue(double value) {
  constexpr double kMostDigits = 1e15;
  if (value == std::floor(value) && std::abs(value) < kMostDigits) return fmt::format("{:.0f}", value);
  return std::abs(value) >= 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.3g}", value);
}

std::vector<Verb> AddResults(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("results", "What was recorded: show, compare, put together");
  verb->require_subcommand(1);
  const auto arguments = std::make_shared<ResultsArguments>();
  const auto with_run = [&](CLI::App* one, std::string& run) {
    one->add_option("RUN", run, "its number, `latest`, a baseline, a label, an id or a revision")->required();
  };

  CLI::App* list = verb->add_subcommand("list", "The runs in the store");
  AddOptions(*list, options, {Opt::kStore, Opt::kJson, Opt::kOutput});

  CLI::App* show = verb->add_subcommand("show", "One run: where it ran, and its scenarios");
  with_run(show, arguments->run);
  AddOptions(*show, options, {Opt::kStore, Opt::kJson, Opt::kOutput});

  CLI::App* compare = verb->add_subcommand("compare", "What changed between two runs, or several of each");
  with_run(compare, arguments->run);
  compare->add_option("BASELINE", arguments->baseline, "what to compare it with, named in the same way")
      ->required();
  compare
      ->add_option("--threshold", arguments->threshold,
                   "measurements that differ by less are the same, in percent (2)")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 1e6));
  compare
      ->add_option("--across", arguments->across,
                   "what of the environment may differ: kernel, cpu, ..., rig; or all")
      ->type_name("KEY,...");
  compare->add_flag("--all", arguments->all, "show every metric, not only what changed and the costs");
  AddOptions(*compare, options, {Opt::kStore, Opt::kJson, Opt::kOutput});
  compare->footer(
      "A label and a revision stand for all of their runs. Exit status 1: something is worse.\n\n"
      "  knetlab results compare latest main --threshold 3");

  CLI::App* merge =
      verb->add_subcommand("merge", "Put records of other stores and JSON-lines files into the store");
  merge->add_option("FILE", arguments->files, "stores and JSON-lines files")->required();
  merge->add_flag("--salvage", arguments->salvage, "of a file that is cut off, keep the records before that");
  AddOptions(*merge, options, {Opt::kStore, Opt::kJson, Opt::kOutput});

  CLI::App* exporting = verb->add_subcommand("export", "One run in a format of others");
  with_run(exporting, arguments->run);
  exporting
      ->add_option("--format", arguments->format,
                   "json (JSON lines, which results merge takes), benchmark, junit, ktap or markdown")
      ->type_name("FORMAT")
      ->required()
      ->check(CLI::IsMember(ExportFormats()));
  AddOptions(*exporting, options, {Opt::kStore, Opt::kOutput});

  CLI::App* baseline = verb->add_subcommand("baseline", "Names for the runs that others are compared with");
  baseline->require_subcommand(1);
  CLI::App* set = baseline->add_subcommand("set", "Give a run a name, or move the name to it");
  set->add_option("NAME", arguments->name, "main, v1.2 ...")->required();
  with_run(set, arguments->run);
  AddOptions(*set, options, {Opt::kStore});
  CLI::App* baselines = baseline->add_subcommand("list", "The names that there are");
  AddOptions(*baselines, options, {Opt::kStore, Opt::kJson, Opt::kOutput});

  CLI::App* trend = verb->add_subcommand("trend", "How a metric went from run to run");
  trend->add_option("METRIC", arguments->metric, "cost.LABEL, duration ...; results compare --all shows all")
      ->required();
  trend->add_option("--scenario", arguments->scenario, "of this scenario only")->type_name("NAME");
  trend->add_option("--svg", arguments->svg, "draw it into FILE as well")->type_name("FILE");
  AddOptions(*trend, options, {Opt::kStore, Opt::kJson, Opt::kOutput});

  return {{list, [](Session& session) { return ResultsList(session); }},
          {show, [arguments](Session& session) { return ResultsShow(session, *arguments); }},
          {compare, [arguments](Session& session) { return ResultsCompare(session, *arguments); }},
          {merge, [arguments](Session& session) { return ResultsMerge(session, *arguments); }},
          {exporting, [arguments](Session& session) { return ResultsExport(session, *arguments); }},
          {set, [arguments](Session& session) { return ResultsBaselineSet(session, *arguments); }},
          {baselines, [](Session& session) { return ResultsBaselineList(session); }},
          {trend, [arguments](Session& session) { return ResultsTrend(session, *arguments); }}};
}

}  // namespace knetlab
