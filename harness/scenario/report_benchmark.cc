// SPDX-License-Identifier: Apache-2.0
// Google Benchmark's JSON (docs/user_guide.md of it, "Output Formats"), which its compare.py reads: a
// benchmark a program's cost and a latency's quantile, a repetition a sample. It knows only times as units:
// an exact count of instructions stands as nanoseconds, which it is under QEMU's instruction counter, and its
// label says so.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "harness/scenario/documents.h"
#include "harness/scenario/report_run.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

struct Sample {
  double ns = 0;
  std::uint64_t iterations = 0;
};

struct Family {
  std::string name, label;
  std::vector<Sample> samples;
};

class Families {
 public:
  void Add(const std::string& name, const std::string& label, const Sample& sample) {
    const auto [known, is_new] = index_.emplace(name, all_.size());
    if (is_new) all_.push_back({name, label, {}});
    all_[known->second].samples.push_back(sample);
  }
  const std::vector<Family>& all() const { return all_; }

 private:
  std::vector<Family> all_;
  std::map<std::string, std::size_t> index_;
};

void AddScenario(Families& families, const ReportScenario& scenario) {
  for (const ReportCost& cost : scenario.cost) {
    const std::string name = fmt::format("{}/{}", scenario.name, cost.program);
    const std::string label = cost.kind == "wall" ? "" : cost.unit;
    std::vector<double> samples = cost.samples;
    if (samples.empty()) samples.push_back(cost.value);
    for (const double value : samples)
      families.Add(name, label, {.ns = value, .iterations = cost.runs / samples.size()});
  }
  for (const ReportLatency& latency : scenario.latency) {
    for (const auto& [quantile, ns] : latency.quantiles) {
      families.Add(fmt::format("{}/{}/{}", scenario.name, latency.place, quantile), "latency",
                   {.ns = static_cast<double>(ns), .iterations = latency.count});
    }
  }
}

Json ContextOf(const ReportRun& run) {
  Json context = {{"date", run.started}, {"executable", "knetlab"}, {"library_build_type", "release"}};
  context["num_cpus"] = std::atoi(run.EnvironmentText("cpus").c_str());
  context["caches"] = Json::array();
  context["run"] = run.id;
  for (const auto& [name, value] : run.environment) context["environment." + name] = value;
  return context;
}

}  // namespace

std::string BenchmarkReport(const ReportRun& run) {
  Families families;
  for (const ReportScenario& scenario : run.scenarios) {
    if (!scenario.bad()) AddScenario(families, scenario);
  }
  Json document = {{"context", ContextOf(run)}, {"benchmarks", Json::array()}};
  std::size_t number = 0;
  for (const Family& family : families.all()) {
    for (std::size_t i = 0; i < family.samples.size(); i++) {
      const Sample& sample = family.samples[i];
      Json one = {{"name", family.name},
                  {"family_index", number},
                  {"per_family_instance_index", 0},
                  {"run_name", family.name},
                  {"run_type", "iteration"},
                  {"repetitions", family.samples.size()},
                  {"repetition_index", i},
                  {"threads", 1},
                  {"iterations", sample.iterations},
                  {"real_time", sample.ns},
                  {"cpu_time", sample.ns},
                  {"time_unit", "ns"}};
      if (!family.label.empty()) one["label"] = family.label;
      document["benchmarks"].push_back(std::move(one));
    }
    number++;
  }
  return document.dump(2) + "\n";
}

}  // namespace knetlab
