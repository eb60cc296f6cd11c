// SPDX-License-Identifier: Apache-2.0
// Records and folders for the tests of results/.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "results/record.h"

namespace knetlab::testing_results {

// A folder that is gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "knetlab-results-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Path(const std::string& name) const { return path_ / name; }
  std::string Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

inline RunRecord MakeRun(const std::string& id, std::int64_t started_ns = 1) {
  return {.id = id,
          .started_ns = started_ns,
          .version = "0.1.0",
          .revision = "",
          .label = "",
          .seed = 1,
          .planned = 1,
          .environment = {{"kernel", "6.1.0"}, {"cpu", "a cpu"}, {"jit", "1"}}};
}

inline Sample Count(std::string metric, double value) {
  return {.metric = std::move(metric), .unit = "packets", .kind = MetricKind::kExact, .value = value};
}

inline Sample Cost(double value, std::string metric = "cost.filter") {
  return {.metric = std::move(metric), .unit = "ns/packet", .kind = MetricKind::kSampled, .value = value};
}

// One that passed, with an account of 10 packets of which `dropped` were dropped.
inline ScenarioRecord MakeScenario(const std::string& run, int ordinal, double dropped = 4,
                                   std::vector<Sample> more = {}) {
  ScenarioRecord scenario = {.id = fmt::format("{}/{}", run, ordinal),
                             .run = run,
                             .name = "drop-dns",
                             .file = "drop-dns.yaml",
                             .rig = "wire",
                             .kernel = "6.1.0",
                             .repetition = ordinal + 1,
                             .seed = 7,
                             .outcome = "pass",
                             .reason = "",
                             .duration_s = 0.25,
                             .scenario_sha256 = "aa",
                             .programs = {{"filter", "bb"}},
                             .captures = {{"dns.pcap", "cc"}},
                             .document = R"({"name":"drop-dns","outcome":"pass"})",
                             .samples = {}};
  scenario.samples = {{.metric = "outcome.pass", .unit = "", .kind = MetricKind::kExact, .value = 1},
                      Count("ledger.sent", 10),
                      Count("ledger.dropped.server:eth0 xdp filter", dropped),
                      Count("verdicts.filter.XDP_DROP", dropped),
                      Count("verdicts.filter.XDP_PASS", 10 - dropped)};
  scenario.samples.insert(scenario.samples.end(), more.begin(), more.end());
  return scenario;
}

}  // namespace knetlab::testing_results
