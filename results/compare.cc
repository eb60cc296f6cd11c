// SPDX-License-Identifier: Apache-2.0
#include "results/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <span>

#include "netns/error.h"
#include "results/compare_sides.h"
#include "results/statistics.h"

namespace knetlab {
namespace {

constexpr double kLatencyPercent = 50;  // see compare.h
constexpr double kDurationPercent = 200;
constexpr const char* kOutcome = "outcome.pass";

double ThresholdOf(const std::string& metric, const CompareOptions& options) {
  if (metric == "duration") return std::max(options.threshold_percent, kDurationPercent);
  if (metric.starts_with("latency.")) return std::max(options.threshold_percent, kLatencyPercent);
  return options.threshold_percent;
}

// Rates are good when they are high; times, instructions and losses when they are low.
bool HighIsGood(const Change& change) {
  return change.metric == kOutcome || change.unit == "pps" || change.unit.ends_with("/s");
}

ChangeVerdict Direction(const Change& change, bool higher) {
  return higher == HighIsGood(change) ? ChangeVerdict::kBetter : ChangeVerdict::kWorse;
}

// How far a side moved within itself, as a logarithm of a ratio.
double DriftOf(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double first = Median(values.first(values.size() / 2));
  const double second = Median(values.last(values.size() / 2));
  return first > 0 && second > 0 ? std::abs(std::log(second / first)) : 0;
}

std::size_t RepetitionsNeeded(std::size_t tests) {
  std::size_t n = 2;
  while (SmallestPValue(n, n) * static_cast<double>(tests) > kCompareLevel) n++;
  return n;
}

class Comparer {
 public:
  Comparer(Sides sides, const CompareOptions& options) : sides_(std::move(sides)), options_(options) {}

  Comparison Run() {
    for (const GroupKey& key : sides_.before.order) {
      const auto after = sides_.after.groups.find(key);
      const Group& before = sides_.before.groups.at(key);
      if (after == sides_.after.groups.end()) {
        comparison_.vanished.push_back(before.scenario);
      } else {
        CompareGroups(before, after->second);
      }
    }
    for (const GroupKey& key : sides_.after.order) {
      if (!sides_.before.groups.contains(key))
        comparison_.appeared.push_back(sides_.after.groups.at(key).scenario);
    }
    JudgeSampled();
    return std::move(comparison_);
  }

 private:
  struct Pending {
    std::size_t change = 0;  // index
    double threshold = 0;    // percent
    double drift = 0;
  };

  void CompareGroups(const Group& before, const Group& after) {
    if (after.ran == 0 && before.ran > 0) {
      comparison_.vanished.push_back(fmt::format("{} (skipped: {})", before.scenario, after.skip_reason));
    }
    if (before.ran == 0 && after.ran > 0) comparison_.appeared.push_back(before.scenario + " (was skipped)");
    if (before.ran == 0 || after.ran == 0) return;
    NoteInputs(before, after);
    const bool mended = Worst(before, kOutcome) < Worst(after, kOutcome);
    for (const auto& [metric, series] : before.metrics) {
      const auto found = after.metrics.find(metric);
      if (found != after.metrics.end()) {
        CompareSeries(before, metric, series, found->second, mended);
      } else if (IsCount(metric) && after.metrics.contains("ledger.sent")) {
        CompareSeries(before, metric, series, Zeros(after, series), mended);
      } else {
        comparison_.vanished.push_back(before.scenario + ": " + metric);
      }
    }
    for (const auto& [metric, series] : after.metrics) {
      if (before.metrics.contains(metric)) continue;
      if (IsCount(metric) && before.metrics.contains("ledger.sent")) {
        CompareSeries(before, metric, Zeros(before, series), series, mended);
      } else {
        comparison_.appeared.push_back(before.scenario + ": " + metric);
      }
    }
  }

  static double Worst(const Group& group, const char* metric) {
    const auto found = group.metrics.find(metric);
    if (found == group.metrics.end()) return 0;
    return *std::min_element(found->second.values.begin(), found->second.values.end());
  }

  static Series Zeros(const Group& group, const Series& like) {
    Series zeros = like;
    zeros.values.assign(group.metrics.at("ledger.sent").values.size(), 0);
    return zeros;
  }

  void CompareSeries(const Group& group, const std::string& metric, const Series& before, const Series& after,
                     bool mended) {
    Change& change = comparison_.changes.emplace_back();
    change.scenario = group.scenario;
    change.rig = group.rig;
    change.kernel = group.kernel;
    change.metric = metric;
    change.unit = after.unit;
    change.kind = after.kind;
    change.before_samples = before.values.size();
    change.after_samples = after.values.size();
    if (before.kind == MetricKind::kExact && after.kind == MetricKind::kExact) {
      JudgeExact(change, before.values, after.values, mended);
    } else {
      change.kind = MetricKind::kSampled;
      Test(change, before.values, after.values);
    }
  }

  // A value that the baseline had in one of its repetitions is no change.
  static void JudgeExact(Change& change, std::span<const double> before, std::span<const double> after,
                         bool mended) {
    const double low = *std::min_element(before.begin(), before.end());
    const double high = *std::max_element(before.begin(), before.end());
    if (low != high) change.note = fmt::format("the baseline itself has {:g} to {:g}", low, high);
    if (change.metric == kOutcome) {  // as good as the worst repetition
      change.before = low;
      change.after = *std::min_element(after.begin(), after.end());
      if (*change.after != low) change.verdict = Direction(change, *change.after > low);
    } else {
      const auto is_other = [&](double value) { return value < low || value > high; };
      const auto other = std::find_if(after.begin(), after.end(), is_other);
      change.before = Median(before);
      change.after = other != after.end() ? *other : Median(after);
      if (other != after.end()) {
        const bool directed = change.metric.starts_with("cost.");  // counted instructions
        change.verdict = directed ? Direction(change, *other > high)
                         : mended ? ChangeVerdict::kBetter
                                  : ChangeVerdict::kWorse;
        const auto others = static_cast<std::size_t>(std::count_if(after.begin(), after.end(), is_other));
        if (others < after.size()) change.note = fmt::format("in {} of {} repetitions", others, after.size());
      }
    }
    if (*change.before != 0) change.ratio = *change.after / *change.before;
  }

  void Test(Change& change, std::span<const double> before, std::span<const double> after) {
    change.before = Median(before);
    change.after = Median(after);
    if (const auto estimate = EstimateRatio(before, after)) {
      change.ratio = estimate->ratio;
      change.ratio_low = estimate->low;
      change.ratio_high = estimate->high;
    }
    change.p_value = MannWhitney(before, after).p_value;
    pending_.push_back({.change = comparison_.changes.size() - 1,
                        .threshold = ThresholdOf(change.metric, options_),
                        .drift = sides_.alternate ? 0 : std::max(DriftOf(before), DriftOf(after))});
  }

  static bool CanTell(const Change& change, std::size_t tests) {
    const double least = SmallestPValue(change.before_samples, change.after_samples);
    return least * static_cast<double>(tests) <= kCompareLevel;
  }

  // A test that could never say anything, whatever the values, does not belong to the family (Tarone 1990).
  void JudgeSampled() {
    std::vector<double> family;
    for (const Pending& pending : pending_) {
      const Change& change = comparison_.changes[pending.change];
      if (CanTell(change, 1)) family.push_back(*change.p_value);
    }
    comparison_.tests = family.size();
    const std::vector<double> adjusted = HolmAdjusted(family);
    std::size_t at = 0;
    for (const Pending& pending : pending_) {
      Change& change = comparison_.changes[pending.change];
      if (CanTell(change, 1)) change.p_adjusted = adjusted[at++];
      if (!CanTell(change, std::max<std::size_t>(family.size(), 1))) {
        comparison_.undecided++;
        change.note = "too few repetitions to tell";
      }
      Judge(change, pending);
    }
    if (comparison_.undecided > 0) comparison_.repetitions_needed = RepetitionsNeeded(pending_.size());
  }

  static void Judge(Change& change, const Pending& pending) {
    if (!change.p_adjusted || *change.p_adjusted > kCompareLevel) return;
    const double ratio = change.ratio.value_or(*change.after > *change.before ? HUGE_VAL : 0);
    const double size = std::abs(std::log(ratio));
    if (size <= std::log1p(pending.threshold / 100)) {
      change.note = fmt::format("below the threshold of {:g} %", pending.threshold);
    } else if (size <= pending.drift) {
      change.note =
          fmt::format("no more than it drifts within a side, {:.1f} %", 100 * std::expm1(pending.drift));
    } else {
      change.verdict = Direction(change, ratio > 1);
    }
  }

  void NoteInputs(const Group& before, const Group& after) {
    if (before.scenario_hashes != after.scenario_hashes)
      comparison_.notes.push_back(before.scenario + ": another scenario file");
    NoteHashes(before.scenario, "program", before.program_hashes, after.program_hashes);
    NoteHashes(before.scenario, "capture", before.capture_hashes, after.capture_hashes);
  }

  void NoteHashes(const std::string& scenario, const char* what,
                  const std::map<std::string, std::set<std::string>>& before,
                  const std::map<std::string, std::set<std::string>>& after) {
    for (const auto& [name, hashes] : after) {
      const auto found = before.find(name);
      if (found != before.end() && found->second != hashes)
        comparison_.notes.push_back(fmt::format("{}: another {} {}", scenario, what, name));
    }
  }

  Sides sides_;
  const CompareOptions& options_;
  Comparison comparison_;
  std::vector<Pending> pending_;
};

}  // namespace

std::string_view ChangeVerdictName(ChangeVerdict verdict) {
  switch (verdict) {
    case ChangeVerdict::kBetter:
      return "better";
    case ChangeVerdict::kWorse:
      return "worse";
    case ChangeVerdict::kSame:
      break;
  }
  return "same";
}

std::size_t Comparison::Count(ChangeVerdict verdict) const {
  return static_cast<std::size_t>(std::count_if(
      changes.begin(), changes.end(), [&](const Change& change) { return change.verdict == verdict; }));
}

Comparison Compare(const std::vector<RunData>& before, const std::vector<RunData>& after,
                   const CompareOptions& options) {
  RequireSameEnvironment(before, after, options.across);
  Comparison comparison = Comparer(ArrangeSides(before, after, options.across), options).Run();
  if (comparison.changes.empty()) {
    throw Error({.what = "compare",
                 .where = "",
                 .why = "no scenario was run on both sides",
                 .hint = "knetlab results show tells what a run holds",
                 .detail = "",
                 .code = ENODATA});
  }
  return comparison;
}

}  // namespace knetlab
