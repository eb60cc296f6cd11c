// SPDX-License-Identifier: Apache-2.0
// The parts of `knetlab results`, a file each (verb_results_NAME.cc), and what they share.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/verbs.h"
#include "results/store.h"

namespace knetlab {

struct ResultsArguments {
  std::vector<std::string> files;  // merge
  std::string run, baseline;       // show, export; compare, baseline set
  std::string name, metric, scenario;
  std::string format, svg;
  std::string across;
  double threshold = 2;
  bool salvage = false, all = false;
};

// Of --store, or the default one.
Store OpenStore(const Session& session, Store::Mode mode);

std::string ShowTime(std::int64_t ns);               // "2026-11-22 22:19:03", UTC
std::string ShowOutcomes(const StoredRun& run);      // "14 passed, 1 failed"
std::string ShortRevision(const std::string& text);  // 12 characters
// "12", "41.3", "0.183": as many digits as say something.
std::string ShowValue(double value);

// What `results export --format` takes.
std::vector<std::string> ExportFormats();

int ResultsList(Session& session);
int ResultsShow(Session& session, const ResultsArguments& arguments);
int ResultsCompare(Session& session, const ResultsArguments& arguments);
int ResultsMerge(Session& session, const ResultsArguments& arguments);
int ResultsExport(Session& session, const ResultsArguments& arguments);
int ResultsBaselineSet(Session& session, const ResultsArguments& arguments);
int ResultsBaselineList(Session& session);
int ResultsTrend(Session& session, const ResultsArguments& arguments);

}  // namespace knetlab
