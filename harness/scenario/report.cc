// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "harness/scenario/report_run.h"
#include "harness/scenario/whole_file.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr const char* kWrite = "write report";

struct Format {
  const char* name;
  std::string (*make)(const ReportRun& run);
};

constexpr std::array<Format, 4> kFormats = {{{"junit", JunitReport},
                                             {"ktap", KtapReport},
                                             {"markdown", MarkdownReport},
                                             {"benchmark", BenchmarkReport}}};

const Format& FormatOf(std::string_view name) {
  const auto found =
      std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& one) { return one.name == name; });
  if (found != kFormats.end()) return *found;
  throw Error({.what = "make report",
               .where = std::string(name),
               .why = "there is no such format",
               .hint = NearestHint(name, ReportFormats()),
               .detail = "",
               .code = EINVAL});
}

}  // namespace

const std::vector<std::string>& ReportFormats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    all.reserve(kFormats.size());
    for (const Format& format : kFormats) all.emplace_back(format.name);
    return all;
  }();
  return names;
}

std::string MakeReport(std::string_view format, const nlohmann::ordered_json& run_document) {
  return FormatOf(format).make(ReadReportRun(run_document));
}

ReportTarget ReadReportTarget(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string format = text.substr(0, colon);
  FormatOf(format);
  if (colon == std::string::npos || colon + 1 == text.size()) {
    throw Error({.what = kWrite,
                 .where = text,
                 .why = "it names no file",
                 .hint = fmt::format("{}:FILE", format),
                 .detail = "",
                 .code = EINVAL});
  }
  ReportTarget target{.format = format, .file = text.substr(colon + 1)};
  RequireWritable(target.file, kWrite);
  return target;
}

void WriteReport(const ReportTarget& target, const nlohmann::ordered_json& run_document) {
  WriteWholeFile(target.file, MakeReport(target.format, run_document));
}

}  // namespace knetlab
