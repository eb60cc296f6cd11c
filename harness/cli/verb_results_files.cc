// SPDX-License-Identifier: Apache-2.0
// knetlab results merge, export.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/cli/text.h"
#include "harness/cli/verb_results.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/recording.h"
#include "harness/scenario/report.h"
#include "harness/scenario/results_documents.h"
#include "results/json_lines.h"
#include "results/merge.h"

namespace knetlab {
namespace {

constexpr const char* kJsonLines = "json";

}  // namespace

int ResultsMerge(Session& session, const ResultsArguments& arguments) {
  Store store = OpenStore(session, Store::Mode::kWrite);
  const MergeResult result = MergeFiles(store, arguments.files, arguments.salvage);
  if (session.options.json) {
    session.output.Write(DumpDocument(MergeDocument(store.path(), result)));
    return kExitDone;
  }
  std::string text;
  for (const std::string& why : result.incomplete) text += "kept the whole records: " + why + "\n";
  text += fmt::format("{} with {} into {}; {} there already\n", FormatPlural(result.runs, "run"),
                      FormatPlural(result.scenarios, "scenario result"), store.path(),
                      FormatPlural(result.known, "record"));
  session.output.Write(TerminalSafe(text));
  return kExitDone;
}

std::vector<std::string> ExportFormats() {
  std::vector<std::string> formats = ReportFormats();
  formats.emplace_back(kJsonLines);
  return formats;
}

int ResultsExport(Session& session, const ResultsArguments& arguments) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const StoredRun run = store.Find(arguments.run).back();
  if (arguments.format == kJsonLines) {
    for (const Record& record : RecordsOf(store, run)) session.output.Write(JsonLine(record));
  } else {
    session.output.Write(MakeReport(arguments.format, StoredRunDocument(store, run)));
  }
  return kExitDone;
}

}  // namespace knetlab
