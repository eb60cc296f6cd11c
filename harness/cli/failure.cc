// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/failure.h"

#include <fmt/format.h>

#include "harness/cli/text.h"

namespace knetlab {
namespace {

// "did you mean XDP_DROP?" and "there are: a, b" say something about the cause; other hints are things to do.
bool BelongsToCause(const std::string& hint) {
  return hint.rfind("did you mean", 0) == 0 || hint.rfind("there is", 0) == 0 ||
         hint.rfind("there are", 0) == 0;
}

}  // namespace

std::string FailureText(const Error& error) {
  const ErrorParts& parts = error.parts();
  std::string text = "knetlab: " + parts.what;
  if (!parts.where.empty()) text += " " + parts.where;
  if (!parts.why.empty()) text += ": " + parts.why;
  if (BelongsToCause(parts.hint)) text += fmt::format(" ({})", parts.hint);
  text += "\n";
  if (!parts.hint.empty() && !BelongsToCause(parts.hint)) text += fmt::format("  try: {}\n", parts.hint);
  text += Indented(parts.detail, 4);
  return TerminalSafe(text);
}

std::string MistakeText(const Error& error) {
  const ErrorParts& parts = error.parts();
  std::string text = fmt::format("{}: {}", parts.where.empty() ? parts.what : parts.where, parts.why);
  if (!parts.hint.empty()) text += fmt::format(" ({})", parts.hint);
  text += "\n";
  text += Indented(parts.detail, 4);
  return TerminalSafe(text);
}

Error AsError(const std::exception& failure) {
  if (const auto* error = dynamic_cast<const Error*>(&failure)) return *error;
  return Error({.what = "go on", .where = "", .why = failure.what(), .hint = "", .detail = ""});
}

}  // namespace knetlab
