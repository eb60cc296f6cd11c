// SPDX-License-Identifier: Apache-2.0
// GitHub's Markdown, for the summary of a pull request: what failed first, all scenarios in a table, details
// folded.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/report_run.h"

namespace knetlab {
namespace {

// As text, whatever is in it; a table's cell must stay on its line.
std::string Escaped(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '<') {
      safe += "&lt;";
    } else if (letter == '>') {
      safe += "&gt;";
    } else if (letter == '&') {
      safe += "&amp;";
    } else if (letter == '\n') {
      safe += ' ';
    } else {
      if (std::string_view("\\`*_[]|#~@").find(letter) != std::string_view::npos) safe += '\\';
      safe += letter;
    }
  }
  return safe;
}

// A fence longer than any in the text.
std::string Block(const std::string& text) {
  std::size_t longest = 2, now = 0;
  for (const char letter : text) {
    now = letter == '`' ? now + 1 : 0;
    longest = std::max(longest, now);
  }
  const std::string fence(longest + 1, '`');
  return fmt::format("{}text\n{}{}{}\n", fence, text, text.ends_with('\n') ? "" : "\n", fence);
}

std::string Folded(const std::string& title, const std::string& content) {
  return fmt::format("<details><summary>{}</summary>\n\n{}\n</details>\n\n", title, content);
}

std::string Summary(const ReportRun& run) {
  std::string text = fmt::format("{} passed", run.Count("pass"));
  for (const auto& [outcome, word] :
       {std::pair("fail", "failed"), {"error", "with errors"}, {"skip", "skipped"}}) {
    if (const std::size_t count = run.Count(outcome); count > 0) text += fmt::format(", {} {}", count, word);
  }
  if (const std::size_t left = run.planned - run.scenarios.size(); left > 0)
    text += fmt::format(", {} did not run", left);
  return text + " in " + ReportDuration(run.duration_s);
}

std::string Outcome(const ReportScenario& scenario) {
  if (scenario.outcome == "fail") return "**FAIL**";
  if (scenario.outcome == "error") return "**ERROR**";
  return scenario.outcome;
}

std::string Row(const ReportScenario& scenario) {
  std::string cost;
  for (const ReportCost& one : scenario.cost) {
    cost += fmt::format("{}{}{}", cost.empty() ? "" : ", ", scenario.cost.size() > 1 ? one.program + " " : "",
                        CostText(one));
  }
  std::string middle = scenario.Fates();
  if (scenario.outcome == "skip" || scenario.outcome == "error")
    middle = scenario.reason.substr(0, scenario.reason.find('\n'));
  return fmt::format("| {} | {} | {} | {} | {} | {} |\n", Outcome(scenario), Escaped(scenario.Title()),
                     scenario.sent, Escaped(middle), ReportDuration(scenario.duration_s), Escaped(cost));
}

std::string Details(const ReportScenario& scenario) {
  std::string text;
  for (const ReportCheck& check : scenario.checks) {
    if (!check.pass)
      text += fmt::format("{}: {}\n  {}\n", check.where.empty() ? scenario.file : check.where, check.expect,
                          check.message);
  }
  if (text.empty()) text = fmt::format("{}: {}\n", scenario.Place(), scenario.reason);
  if (!scenario.ledger.empty()) text += fmt::format("\nledger: {} sent\n", scenario.sent);
  for (const ReportEntry& entry : scenario.ledger) {
    text += fmt::format("{:>9} {:<11} {}{}\n", entry.count, entry.fate, entry.place,
                        entry.reason.empty() ? "" : fmt::format(" ({})", entry.reason));
  }
  for (const std::string& missing : scenario.missing) text += fmt::format("  missing {}\n", missing);
  return Folded(fmt::format("{}: {}", Escaped(scenario.Title()),
                            Escaped(scenario.reason.substr(0, scenario.reason.find('\n')))),
                Block(text));
}

}  // namespace

std::string MarkdownReport(const ReportRun& run) {
  std::string text = fmt::format("### knetlab: {}\n\n", Summary(run));
  if (run.interrupted) text += "The run was interrupted.\n\n";
  for (const ReportScenario& scenario : run.scenarios) {
    if (scenario.bad()) text += Details(scenario);
  }
  text += "| outcome | scenario | packets | what became of them | time | cost |\n";
  text += "| --- | --- | ---: | --- | ---: | --- |\n";
  for (const ReportScenario& scenario : run.scenarios) text += Row(scenario);
  text += "\n";
  std::string environment = fmt::format("run {}\nseed {}\n", run.id, run.seed);
  for (const auto& [name, value] : run.environment) environment += fmt::format("{} {}\n", name, value);
  return text + Folded(fmt::format("Environment: Linux {}, {}", Escaped(run.EnvironmentText("kernel")),
                                   Escaped(run.EnvironmentText("cpu"))),
                       Block(environment));
}

}  // namespace knetlab
