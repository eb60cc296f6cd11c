// SPDX-License-Identifier: Apache-2.0
// What the reports read of a run's document, as plain data. Not for users of the library: report.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace knetlab {

struct ReportCheck {
  std::string expect, message, where;
  bool pass = false;
};

struct ReportEntry {  // of a ledger
  std::string fate, place, reason;
  std::uint64_t count = 0;
};

struct ReportCost {
  std::string program, kind, unit;
  double value = 0;
  std::uint64_t runs = 0;
  std::vector<double> samples;
};

struct ReportLatency {
  std::string place;
  std::uint64_t count = 0;
  std::vector<std::pair<std::string, std::uint64_t>> quantiles;  // "p50", ns
};

struct ReportScenario {
  std::string name, file, rig, kernel, outcome, reason, where;
  std::uint64_t repetition = 1;
  double duration_s = 0;
  std::uint64_t sent = 0;
  std::vector<ReportEntry> ledger;
  std::vector<std::string> missing, notes;
  std::vector<ReportCheck> checks;
  std::vector<ReportCost> cost;
  std::vector<ReportLatency> latency;

  bool bad() const { return outcome == "fail" || outcome == "error"; }
  std::string Title() const;   // "drop-dns", "drop-dns #2"
  std::string Folder() const;  // of its file; "." where it has none
  std::string Fates() const;   // "120 dropped, 13 delivered"
  std::string Place() const;   // "drop-dns.yaml:31:7", or the file
};

struct ReportRun {
  std::string id, started;
  std::uint64_t seed = 0;
  std::size_t planned = 0;  // how many scenarios were to run
  bool interrupted = false;
  double duration_s = 0;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<ReportScenario> scenarios;

  std::size_t Count(std::string_view outcome) const;
  std::string EnvironmentText(std::string_view name) const;  // "" where there is none
};

// Throws Error for what is not a document of `run`.
ReportRun ReadReportRun(const nlohmann::ordered_json& document);

// "18 ms", "3.1 s"
std::string ReportDuration(double seconds);
// "41.3 ns/packet"
std::string CostText(const ReportCost& cost);

// The formats, each in a file of its own (report_NAME.cc).
std::string JunitReport(const ReportRun& run);
std::string KtapReport(const ReportRun& run);
std::string MarkdownReport(const ReportRun& run);
std::string BenchmarkReport(const ReportRun& run);

}  // namespace knetlab
