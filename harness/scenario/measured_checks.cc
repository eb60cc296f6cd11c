// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/measured_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "netns/nearest.h"

namespace knetlab {
namespace {

// "312 us", "1.25 ms"
std::string TimeText(double ns) {
  constexpr std::array<std::pair<double, std::string_view>, 3> kUnits = {
      {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}}};
  for (const auto& [size, unit] : kUnits) {
    if (ns >= size) return fmt::format("{:.4g} {}", ns / size, unit);
  }
  return fmt::format("{:.4g} ns", ns);
}

std::string ExpectedTime(const NumberCheck& check) {
  const std::string text = check.ToString();  // "< 200000"
  const std::size_t sign = text.find(' ');
  return (sign == std::string::npos ? "" : text.substr(0, sign + 1)) + TimeText(check.value);
}

std::uint64_t Quantile(const LatencyResult& latency, std::string_view metric) {
  if (metric == "p50") return latency.p50_ns;
  if (metric == "p90") return latency.p90_ns;
  if (metric == "p99") return latency.p99_ns;
  if (metric == "p999") return latency.p999_ns;
  return latency.max_ns;
}

// The place itself, or one of a program: "server:eth0 xdp LABEL".
bool IsPlace(const LatencyResult& latency, const std::string& wanted) {
  return latency.place == wanted || latency.place.ends_with(" " + wanted);
}

std::string NotMeasured(std::string_view what, const std::string& wanted,
                        const std::vector<std::string>& there) {
  if (there.empty()) return fmt::format("no {} was measured in this run", what);
  const std::string nearest = NearestName(wanted, there);
  return fmt::format("no {} of {}; {}", what, wanted,
                     nearest.empty() ? fmt::format("there are: {}", fmt::join(there, ", "))
                                     : fmt::format("did you mean {}?", nearest));
}

CheckResult CheckLatency(const LatencyCheck& check, const std::vector<LatencyResult>& latencies) {
  CheckResult result{fmt::format("latency.{}.{}", check.place, check.metric), true, "", check.number.mark};
  std::vector<std::string> there;
  bool measured = false;
  for (const LatencyResult& latency : latencies) {
    there.push_back(latency.place);
    if (!IsPlace(latency, check.place) || latency.count == 0) continue;
    measured = true;
    const auto found = static_cast<double>(Quantile(latency, check.metric));
    if (check.number.Holds(found) || !result.pass) continue;
    result.pass = false;
    result.message = fmt::format("expected {} {} at {}, found {} over {} packets: p50 {}, p99 {}, max {}",
                                 check.metric, ExpectedTime(check.number), latency.place, TimeText(found),
                                 latency.count, TimeText(static_cast<double>(latency.p50_ns)),
                                 TimeText(static_cast<double>(latency.p99_ns)),
                                 TimeText(static_cast<double>(latency.max_ns)));
  }
  if (measured) return result;
  result.pass = false;
  result.message = NotMeasured("latency", check.place, there);
  return result;
}

std::string MetricOf(const CostResult& cost) {
  const std::size_t slash = cost.unit.find('/');
  if (slash == std::string::npos) return cost.unit;
  return cost.unit.substr(0, slash) + "_per_" + cost.unit.substr(slash + 1);
}

CheckResult CheckCost(const CostCheck& check, const std::vector<CostResult>& costs) {
  const std::string wanted = check.program + "." + check.metric;
  CheckResult result{"cost." + wanted, false, "", check.number.mark};
  std::vector<std::string> there;
  for (const CostResult& cost : costs) {
    there.push_back(cost.program + "." + MetricOf(cost));
    if (there.back() != wanted) continue;
    result.pass = check.number.Holds(cost.value);
    if (!result.pass)
      result.message = fmt::format("expected {} {}, found {:.4g} over {} runs", check.number.ToString(),
                                   cost.unit, cost.value, cost.runs);
    return result;
  }
  result.message = NotMeasured("cost", wanted, there);
  return result;
}

}  // namespace

std::vector<CheckResult> CheckMeasured(const Scenario& scenario, const RigResult& result) {
  std::vector<CheckResult> checks;
  for (const Step& step : scenario.steps) {
    const auto* expect = std::get_if<ExpectStep>(&step.what);
    if (expect == nullptr) continue;
    for (const LatencyCheck& check : expect->latency) checks.push_back(CheckLatency(check, result.latency));
    for (const CostCheck& check : expect->cost) checks.push_back(CheckCost(check, result.cost));
  }
  return checks;
}

}  // namespace knetlab
