// SPDX-License-Identifier: Apache-2.0
// A run's document in the formats that other tools read: of a run that has just ended, or of one that a store
// has kept.
//
//   junit      JUnit XML, as Jenkins' schema junit-10.xsd has it: a suite a folder, a test case a scenario
//   ktap       KTAP version 1 (Linux, Documentation/dev-tools/ktap.rst): a test a scenario, its checks nested
//   markdown   a table and folded details, for a pull request
//   benchmark  Google Benchmark's JSON: costs and latencies, for its compare.py
//
//   std::string text = MakeReport("junit", RunDocument(report));
//
// A document may come from anyone: what is missing or of another type in it is left out, control characters
// and what is not UTF-8 are replaced.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

const std::vector<std::string>& ReportFormats();  // "junit" ...

// Throws Error for an unknown format, with the nearest, and for what is not a document of `run`.
std::string MakeReport(std::string_view format, const nlohmann::ordered_json& run_document);

// A report that goes to a file.
struct ReportTarget {
  std::string format, file;
};
// "junit:FILE". Throws Error for an unknown format, a missing file, and one that could not be written: ask
// before the run whose report it is to be.
ReportTarget ReadReportTarget(const std::string& text);
// The file is whole or as it was. Throws Error.
void WriteReport(const ReportTarget& target, const nlohmann::ordered_json& run_document);

}  // namespace knetlab
