// SPDX-License-Identifier: Apache-2.0
// KTAP version 1, by the rules of Linux's Documentation/dev-tools/ktap.rst: a test a scenario, its checks
// nested. The plan has all scenarios that were to run, so that a reader sees an interrupted run as one.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "harness/scenario/report_run.h"

namespace knetlab {
namespace {

// A description ends at a "#".
std::string Description(std::string text) {
  std::replace(text.begin(), text.end(), '#', '/');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string Directive(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string Diagnostic(const std::string& text, const char* indent) {
  std::string lines;
  std::istringstream source(text);
  for (std::string line; std::getline(source, line);) lines += fmt::format("{}# {}\n", indent, line);
  return lines;
}

std::string Checks(const ReportScenario& scenario) {
  std::string text = fmt::format("  KTAP version 1\n  1..{}\n", scenario.checks.size());
  std::size_t number = 0;
  for (const ReportCheck& check : scenario.checks) {
    if (!check.pass) text += Diagnostic(fmt::format("{}: {}", check.where, check.message), "  ");
    text += fmt::format("  {} {} {}\n", check.pass ? "ok" : "not ok", ++number, Description(check.expect));
  }
  return text;
}

std::string Result(const ReportScenario& scenario, std::size_t number) {
  std::string name = scenario.name;
  if (scenario.repetition > 1) name += fmt::format(" repetition {}", scenario.repetition);
  std::string line = fmt::format("{} {} {}", scenario.bad() ? "not ok" : "ok", number, Description(name));
  if (scenario.outcome == "skip") line += " # SKIP " + Directive(scenario.reason);
  if (scenario.outcome == "error") line += " # ERROR " + Directive(scenario.reason);
  return line + "\n";
}

}  // namespace

std::string KtapReport(const ReportRun& run) {
  std::string text = fmt::format("KTAP version 1\n1..{}\n", run.planned);
  text += Diagnostic(fmt::format("knetlab {} on Linux {}, run {}, seed {}", run.EnvironmentText("version"),
                                 run.EnvironmentText("kernel"), run.id, run.seed),
                     "");
  std::size_t number = 0;
  for (const ReportScenario& scenario : run.scenarios) {
    if (!scenario.checks.empty()) text += Checks(scenario);
    if (scenario.sent > 0)
      text += Diagnostic(fmt::format("{} sent = {}", scenario.sent, scenario.Fates()), "");
    if (scenario.bad()) text += Diagnostic(fmt::format("{}: {}", scenario.Place(), scenario.reason), "");
    text += Result(scenario, ++number);
  }
  const std::size_t left = run.planned - run.scenarios.size();
  if (left > 0)
    text += Diagnostic(fmt::format("{}: {} of {} did not run", run.interrupted ? "interrupted" : "stopped",
                                   left, run.planned),
                       "");
  return text;
}

}  // namespace knetlab
