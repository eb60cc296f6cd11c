// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "harness/cli/options.h"
#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/scenario/latency_floor.h"

namespace knetlab {
namespace {

constexpr std::size_t kOutcomeWidth = 5;   // "error"
constexpr std::size_t kPacketsWidth = 15;  // "100,000 packets"
constexpr std::size_t kMiddleWidth = 44;   // what became of the packets
constexpr std::size_t kTimeWidth = 7;
constexpr std::size_t kLatencyWidth = 10;  // "p99 999 us"
constexpr std::size_t kBelow = 2 + kOutcomeWidth + 2;

std::string Padded(const std::string& text, std::size_t width) {
  const std::size_t used = DisplayWidth(text);
  return used < width ? text + std::string(width - used, ' ') : text;
}

std::string RightPadded(const std::string& text, std::size_t width) {
  const std::size_t used = DisplayWidth(text);
  return used < width ? std::string(width - used, ' ') + text : text;
}

// Failures stand out by their letters too.
std::pair<const char*, Style> OutcomeWord(ScenarioOutcome outcome) {
  switch (outcome) {
    case ScenarioOutcome::kPass:
      return {"pass", Style::kGood};
    case ScenarioOutcome::kFail:
      return {"FAIL", Style::kBad};
    case ScenarioOutcome::kSkip:
      return {"skip", Style::kDim};
    case ScenarioOutcome::kError:
      break;
  }
  return {"ERROR", Style::kBad};
}

// "120 dropped, 13 delivered"
std::string Fates(const Ledger& ledger) {
  std::string text;
  for (const Fate fate : {Fate::kDropped, Fate::kPassed, Fate::kTransmitted, Fate::kRedirected,
                          Fate::kDelivered, Fate::kLost}) {
    const std::uint64_t count = ledger.Count(fate);
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", FormatCount(count), FateName(fate));
  }
  return text;
}

std::string Costs(const std::vector<CostResult>& costs) {
  std::string text;
  for (const CostResult& cost : costs) {
    // The kinds differ in their unit: "ns/packet", "instructions/packet".
    const std::string unit = cost.unit.substr(0, cost.unit.find('/'));
    text += text.empty() ? "" : ", ";
    if (costs.size() > 1) text += cost.program + " ";
    text += fmt::format("{:.0f} {}", cost.value, unit);
  }
  return text;
}

// Of the slowest place; the lab's own floor is in the JSON only.
std::string Latency(const std::vector<LatencyResult>& places) {
  std::uint64_t slowest = 0;
  for (const LatencyResult& place : places) {
    if (!place.place.starts_with(kRigFloor)) slowest = std::max(slowest, place.p99_ns);
  }
  return slowest == 0 ? "" : "p99 " + FormatDuration(static_cast<double>(slowest) / 1e9);
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string Place(const Mark& mark) {
  return mark.line > 0 ? mark.ToString() : mark.file;
}

// What failed, each with its line in the file, and below that what was found, unless it stands on the
// scenario's own line.
std::string FailedChecks(const ScenarioResult& result, const std::string& told, bool colour) {
  std::string text;
  for (const CheckResult& check : result.result.checks) {
    if (check.pass) continue;
    const std::string place = Paint(TerminalSafe(Place(check.mark)), Style::kStrong, colour);
    text += fmt::format("{:{}}{}  {}\n", "", kBelow, place, TerminalSafe(check.expect));
    if (check.message != told) text += Indented(TerminalSafe(check.message), kBelow + 2);
  }
  return text;
}

std::string ErrorBelow(const ScenarioResult& result, bool colour) {
  std::string text =
      fmt::format("{:{}}{}\n", "", kBelow, Paint(TerminalSafe(Place(result.mark)), Style::kStrong, colour));
  const std::size_t end = result.reason.find('\n');
  if (end != std::string::npos)
    text += Indented(TerminalSafe(std::string_view(result.reason).substr(end + 1)), kBelow);
  return text;
}

// A ledger that does not balance is shown whatever the checks say.
std::string Missing(const Ledger& ledger) {
  std::string text;
  for (const std::string& missing : ledger.missing)
    text += fmt::format("{:{}}missing: {}\n", "", kBelow, TerminalSafe(missing));
  return text;
}

// "       run 42 in knetlab.db       knetlab results compare 42 41": where the results are, and what to type
// next.
std::string RecordedAt(const RunReport& report) {
  if (!report.recorded) return "";
  const Recorded& recorded = *report.recorded;
  std::string next = recorded.number > 1 ? fmt::format("compare {} {}", recorded.number, recorded.number - 1)
                                         : fmt::format("show {}", recorded.number);
  if (recorded.store != kDefaultStore) next += " --store " + recorded.store;
  constexpr const char* kGap = "       ";
  return TerminalSafe(
      fmt::format("{}run {} in {}{}knetlab results {}", kGap, recorded.number, recorded.store, kGap, next));
}

// What to type to look around in what was kept.
std::string Kept(const KeptLab& kept) {
  if (kept.name.empty()) return "";
  if (!kept.problem.empty())
    return fmt::format("{:{}}not kept: {}\n", "", kBelow, TerminalSafe(FirstLine(kept.problem)));
  std::string text;
  for (const std::string& ns : kept.namespaces)
    text +=
        fmt::format("{:{}}{}  ip netns exec {} bash\n", "", kBelow, text.empty() ? "enter: " : "       ", ns);
  return text + fmt::format("{:{}}remove:  knetlab topology down {}\n", "", kBelow, kept.name);
}

}  // namespace

std::string ScenarioLine(const ScenarioResult& result, const RunLook& look) {
  const auto [word, style] = OutcomeWord(result.outcome);
  std::string line = "  " + Paint(word, style, look.colour) +
                     std::string(kOutcomeWidth - std::string_view(word).size() + 2, ' ');
  std::string name = TerminalSafe(result.name);
  if (result.repetition > 1) name += fmt::format(" #{}", result.repetition);
  line += Padded(name, look.name_width) + "  ";
  if (result.outcome == ScenarioOutcome::kSkip || result.outcome == ScenarioOutcome::kError) {
    line += TerminalSafe(FirstLine(result.reason)) + "\n";
    return result.outcome == ScenarioOutcome::kError
               ? line + ErrorBelow(result, look.colour) + Kept(result.kept)
               : line;
  }
  const Ledger& ledger = result.result.ledger;
  const bool failed = result.outcome == ScenarioOutcome::kFail;
  line += RightPadded(FormatPlural(ledger.sent, "packet"), kPacketsWidth) + "   ";
  const bool told =
      failed && DisplayWidth(result.reason) <= kMiddleWidth && result.reason.find('\n') == std::string::npos;
  line += Padded(told ? TerminalSafe(result.reason) : Fates(ledger), kMiddleWidth) + " ";
  line += RightPadded(FormatDuration(result.duration_s), kTimeWidth);
  if (const std::string latency = Latency(result.result.latency); !latency.empty())
    line += "   " + RightPadded(latency, kLatencyWidth);
  if (const std::string costs = Costs(result.result.cost); !costs.empty())
    line += "   " + TerminalSafe(costs);
  line += "\n";
  if (failed) line += FailedChecks(result, told ? result.reason : "", look.colour);
  return line + Missing(ledger) + Kept(result.kept);
}

std::string RunSummary(const RunReport& report, bool colour) {
  std::string text = Paint(fmt::format("{} passed", report.Count(ScenarioOutcome::kPass)),
                           report.ok() ? Style::kGood : Style::kPlain, colour);
  const auto add = [&](ScenarioOutcome outcome, const char* word, Style style) {
    const std::size_t count = report.Count(outcome);
    if (count > 0) text += ", " + Paint(fmt::format("{} {}", count, word), style, colour);
  };
  add(ScenarioOutcome::kFail, "failed", Style::kBad);
  add(ScenarioOutcome::kError, report.Count(ScenarioOutcome::kError) == 1 ? "error" : "errors", Style::kBad);
  add(ScenarioOutcome::kSkip, "skipped", Style::kPlain);
  if (report.planned > report.scenarios.size())
    text += fmt::format(", {} not run", report.planned - report.scenarios.size());
  return fmt::format("{}{} in {}{}\n", report.interrupted ? "interrupted: " : "", text,
                     FormatDuration(report.duration_s), RecordedAt(report));
}

}  // namespace knetlab
