// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/output_check.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <string_view>

#include "harness/scenario/reader_error.h"

namespace knetlab {
namespace {

constexpr std::size_t kShown = 400;  // bytes of an output in a message

RE2::Options RegexOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(std::int64_t{1} << 20);
  return options;
}

std::string_view WithoutLastNewline(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// Each line by itself, so that a message can be read; control characters escaped.
std::string Shown(std::string_view text) {
  if (text.empty()) return " nothing";
  const bool cut = text.size() > kShown;
  text = WithoutLastNewline(text.substr(0, kShown));
  std::string shown;
  while (true) {
    const std::size_t end = text.find('\n');
    shown += "\n  " + Printable(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return cut ? shown + " ..." : shown;
}

bool Holds(const OutputCheck& check, const std::string& found) {
  switch (check.kind) {
    case OutputCheck::Kind::kContains:
      return found.find(check.text) != std::string::npos;
    case OutputCheck::Kind::kEquals:
      return WithoutLastNewline(found) == WithoutLastNewline(check.text);
    case OutputCheck::Kind::kMatches:
      return RE2::PartialMatch(found, RE2(check.text, RegexOptions()));
  }
  return false;
}

std::string_view Word(OutputCheck::Kind kind) {
  switch (kind) {
    case OutputCheck::Kind::kContains:
      return "contains";
    case OutputCheck::Kind::kEquals:
      return "equals";
    case OutputCheck::Kind::kMatches:
      return "matches";
  }
  return "";
}

CheckResult CheckOutput(const OutputCheck& check, const CommandResult& command) {
  const bool errors = check.stream == OutputCheck::Stream::kStderr;
  const std::string& found = errors ? command.standard_error : command.standard_output;
  CheckResult result{fmt::format("exec.{}.{}", errors ? "stderr" : "stdout", Word(check.kind)),
                     Holds(check, found), "", check.mark};
  if (!result.pass)
    result.message = fmt::format("expected {} {}, found{}",
                                 check.kind == OutputCheck::Kind::kEquals    ? "exactly"
                                 : check.kind == OutputCheck::Kind::kMatches ? "a match of"
                                                                             : "output with",
                                 Quoted(check.text), Shown(found));
  return result;
}

}  // namespace

std::string RegexMistake(const std::string& expression) {
  const RE2 regex(expression, RegexOptions());
  return regex.ok() ? "" : Printable(regex.error());
}

std::vector<CheckResult> CheckCommand(const ExecStep& step, const CommandResult& command, const Mark& mark) {
  CheckResult status{"exec", command.status == step.status, "", mark};
  if (!status.pass) {
    status.message =
        fmt::format("{} exited with {}, expected {}; it printed{}", step.argv.front(), command.status,
                    step.status, Shown(command.standard_error + command.standard_output));
  }
  std::vector<CheckResult> results{std::move(status)};
  for (const OutputCheck& check : step.output) results.push_back(CheckOutput(check, command));
  return results;
}

}  // namespace knetlab
