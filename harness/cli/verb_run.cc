// SPDX-License-Identifier: Apache-2.0
// knetlab run: runs scenarios, a line each as they end.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>

#include "harness/cli/failure.h"
#include "harness/cli/progress.h"
#include "harness/cli/run_report.h"
#include "harness/cli/terminal.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/report.h"
#include "harness/scenario/runner.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// Lines can only align if the longest name is known before the first ends.
std::size_t NameWidth(const std::vector<Scenario>& suite, const RunOptions& options) {
  std::size_t width = 0;
  for (const Scenario& scenario : suite) {
    const int repetitions = RepetitionsOf(scenario, options);
    width = std::max(width, DisplayWidth(TerminalSafe(scenario.name)) +
                                (repetitions > 1 ? fmt::formatted_size(" #{}", repetitions) : 0));
  }
  return width;
}

// The golden captures that the run has written: what a person asked for is told.
std::string Written(const ScenarioResult& result) {
  std::string text;
  for (const std::string& note : result.result.notes) {
    if (note.starts_with("wrote ")) text += "         " + TerminalSafe(note) + "\n";
  }
  return text;
}

// Takes results from the threads that run scenarios, which an exception must not reach: it ends the run and
// is thrown afterwards.
class Listener {
 public:
  explicit Listener(Session& session) : session_(session) { look_.colour = session.output.colour(); }

  void OnBegin(const std::vector<Scenario>& suite, const RunOptions& options) {
    look_.name_width = NameWidth(suite, options);
    std::size_t total = 0;
    for (const Scenario& scenario : suite)
      total += static_cast<std::size_t>(RepetitionsOf(scenario, options));
    progress_.Begin(total);
  }
  void OnResult(const ScenarioResult& result, std::size_t done) noexcept {
    if (failure_) return;
    try {
      progress_.Clear();
      if (!session_.options.json) session_.output.Write(ScenarioLine(result, look_) + Written(result));
      progress_.Show(done, result.name);
    } catch (...) {
      failure_ = std::current_exception();
      stop_.request_stop();
    }
  }
  std::stop_source& stop() { return stop_; }
  void Finish() {
    progress_.Clear();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Session& session_;
  RunLook look_;
  Progress progress_;
  std::exception_ptr failure_;
  std::stop_source stop_;
};

// What to type to look closer at the failed ones.
std::string Next(const RunReport& report) {
  const auto failed = std::find_if(report.scenarios.begin(), report.scenarios.end(),
                                   [](const ScenarioResult& result) { return IsBad(result.outcome); });
  if (failed == report.scenarios.end()) return "";
  return fmt::format("again: knetlab run {} --rig {}\n", TerminalSafe(failed->file), failed->rig);
}

// All of them, whatever becomes of one; false where one failed. What ran is on stdout by then, so failures
// are told on stderr, with --json too.
bool WriteReports(const std::vector<ReportTarget>& targets, const nlohmann::ordered_json& document) {
  bool written = true;
  for (const ReportTarget& target : targets) {
    try {
      WriteReport(target, document);
    } catch (const Error& error) {
      fmt::print(stderr, "{}", FailureText(error));
      written = false;
    }
  }
  return written;
}

struct RunArguments {
  std::vector<std::string> paths;
  std::string label;
};

// People get a record of what they did without asking; a CI job says where it wants one.
std::string StoreOf(const Options& options) {
  if (options.store) return *options.store;
  const bool person = IsTerminal(STDOUT_FILENO) && std::getenv("CI") == nullptr;
  return person && !options.json && options.output.empty() ? kDefaultStore : "";
}

// Why what ran is not all in the store. The results are told all the same, and the exit status says that
// something was not done.
bool TellUnrecorded(const RunReport& report) {
  if (!report.recorded || !report.recorded->failure) return false;
  fmt::print(stderr, "{}", FailureText(*report.recorded->failure));
  return true;
}

RunOptions Wanted(const Options& options) {
  RunOptions wanted;
  if (!options.rig.empty()) wanted.rig = options.rig;
  wanted.jobs = options.jobs;
  wanted.repeat = options.repeat;
  wanted.timeout_s = options.timeout_s;
  wanted.filters = options.filters;
  wanted.seed = options.seed;
  wanted.fail_fast = options.fail_fast;
  wanted.keep = options.keep;
  wanted.update_golden = options.update_golden;
  wanted.capture_folder = options.capture;
  return wanted;
}

int Run(Session& session, const RunArguments& arguments) {
  const Options& options = session.options;
  std::vector<ReportTarget> reports;
  for (const std::string& text : options.reports) reports.push_back(ReadReportTarget(text));
  Listener listener(session);
  RunOptions wanted = Wanted(options);
  wanted.store = StoreOf(options);
  wanted.label = arguments.label;
  wanted.on_begin = [&](const std::vector<Scenario>& suite) { listener.OnBegin(suite, wanted); };
  wanted.on_result = [&](const ScenarioResult& result, std::size_t done, std::size_t) {
    listener.OnResult(result, done);
  };
  const std::stop_callback interrupted(session.interrupt.token(), [&] { listener.stop().request_stop(); });
  const RunReport report = RunScenarios(arguments.paths, wanted, listener.stop().get_token());
  listener.Finish();
  const nlohmann::ordered_json document = RunDocument(report);
  session.output.Write(options.json ? DumpDocument(document)
                                    : RunSummary(report, session.output.colour()) + Next(report));
  session.output.Commit();  // before the reports: one that fails loses nothing of this
  const bool recorded = !TellUnrecorded(report), reported = WriteReports(reports, document);
  return report.ok() && recorded && reported ? kExitDone : kExitNotHeld;
}

}  // namespace

std::vector<Verb> AddRun(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("run", "Run scenarios");
  const auto arguments = std::make_shared<RunArguments>();
  verb->add_option("PATH", arguments->paths, "scenario files, or folders of them")->required();
  AddOptions(
      *verb, options,
      {Opt::kRig, Opt::kFilter, Opt::kJobs, Opt::kRepeat, Opt::kSeed, Opt::kTimeout, Opt::kFailFast,
       Opt::kKeep, Opt::kCapture, Opt::kUpdateGolden, Opt::kReport, Opt::kStore, Opt::kJson, Opt::kOutput});
  verb->add_option("--label", arguments->label, "a name for this run in the store")->type_name("NAME");
  verb->footer(
      "The rig is wire unless told otherwise. On a terminal, and where --store asks for it, each result is "
      "recorded; --store= records nothing. Exit status 1: a scenario failed or could not be carried "
      "out. An interrupt ends the run early: what had ended is in the output and in the reports.\n\n"
      "  sudo knetlab run scenarios/smoke -j 2\n"
      "  sudo knetlab run scenarios --filter 'tag:xdp !redirect' --report junit:results.xml");
  return {{verb, [arguments](Session& session) { return Run(session, *arguments); }}};
}

}  // namespace knetlab
