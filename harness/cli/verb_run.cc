// SPDX-License-Identifier: Apache-2.0
// knetlab run: runs scenarios, a line each as they end.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>

#include "harness/cli/progress.h"
#include "harness/cli/run_report.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/runner.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// Lines can only align if the longest name is known before the first ends.
std::size_t NameWidth(const std::vector<Scenario>& suite, const Options& options) {
  std::size_t width = 0;
  for (const Scenario& scenario : suite) width = std::max(width, DisplayWidth(TerminalSafe(scenario.name)));
  return width + (options.repeat > 1 ? fmt::formatted_size(" #{}", options.repeat) : 0);
}

// Takes results from the threads that run scenarios, which an exception must not reach: it ends the run and
// is thrown afterwards.
class Listener {
 public:
  explicit Listener(Session& session) : session_(session) { look_.colour = session.output.colour(); }

  void OnBegin(const std::vector<Scenario>& suite) { look_.name_width = NameWidth(suite, session_.options); }
  void OnResult(const ScenarioResult& result, std::size_t done, std::size_t total) noexcept {
    if (failure_) return;
    try {
      progress_.Clear();
      if (!session_.options.json) session_.output.Write(ScenarioLine(result, look_));
      if (done < total) progress_.Show(done, total, result.name);
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
  const ScenarioResult* failed = nullptr;
  for (const ScenarioResult& result : report.scenarios) {
    const bool bad = result.outcome == ScenarioOutcome::kFail || result.outcome == ScenarioOutcome::kError;
    if (bad && failed == nullptr) failed = &result;
  }
  if (failed == nullptr) return "";
  return fmt::format("again: knetlab run {} --rig {}\n", TerminalSafe(failed->file), failed->rig);
}

int Run(Session& session, const std::vector<std::string>& paths) {
  const Options& options = session.options;
  Listener listener(session);

  RunOptions wanted;
  if (!options.rig.empty()) wanted.rig = options.rig;
  wanted.jobs = options.jobs;
  wanted.repeat = options.repeat;
  wanted.timeout_s = options.timeout_s;
  wanted.filter = options.filter;
  wanted.on_begin = [&](const std::vector<Scenario>& suite) { listener.OnBegin(suite); };
  wanted.on_result = [&](const ScenarioResult& result, std::size_t done, std::size_t total) {
    listener.OnResult(result, done, total);
  };
  const std::stop_callback interrupted(session.interrupt.token(), [&] { listener.stop().request_stop(); });
  const RunReport report = RunScenarios(paths, wanted, listener.stop().get_token());
  listener.Finish();
  if (session.interrupt.signal() != 0) {
    throw Error({.what = "run",
                 .where = "",
                 .why = "interrupted: scenarios that had not ended are left out",
                 .hint = "",
                 .detail = ""});
  }
  session.output.Write(options.json ? DumpDocument(RunDocument(report))
                                    : RunSummary(report, session.output.colour()) + Next(report));
  return report.ok() ? kExitDone : kExitNotHeld;
}

}  // namespace

std::vector<Verb> AddRun(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("run", "Run scenarios");
  const auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATH", *paths, "scenario files, or folders of them")->required();
  AddOptions(*verb, options,
             {Opt::kRig, Opt::kFilter, Opt::kJobs, Opt::kRepeat, Opt::kTimeout, Opt::kJson, Opt::kOutput});
  verb->footer(
      "The rig is wire unless told otherwise. Exit status 1: a scenario failed or could not be carried "
      "out.\n\n"
      "  sudo knetlab run scenarios/smoke -j 2");
  return {{verb, [paths](Session& session) { return Run(session, *paths); }}};
}

}  // namespace knetlab
