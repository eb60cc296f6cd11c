// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/cost.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "harness/program/attach.h"
#include "harness/program/test_run.h"
#include "netns/error.h"
#include "netns/namespace.h"

namespace knetlab {

namespace {

constexpr double kQuietShare = 0.2;
constexpr std::uint32_t kTrialRepeat = 64, kLeastRepeat = 16, kMostRepeat = 1'000'000;
constexpr int kOverheadCalls = 15;

double ThreadNs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// This thread stays on the CPU that it is on.
class Pinned {
 public:
  Pinned() {
    const int cpu = ::sched_getcpu();
    if (cpu < 0 || ::sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    pinned_ = ::sched_setaffinity(0, sizeof(one), &one) == 0;
  }
  ~Pinned() {
    if (pinned_) ::sched_setaffinity(0, sizeof(before_), &before_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_{};
  bool pinned_ = false;
};

// With repeat > 1 the kernel enters an XDP program into its dispatcher for each call, and waits for RCU
// twice, 20 to 40 ms, unless the program is in there already: as long as it is attached anywhere.
class InDispatcher {
 public:
  explicit InDispatcher(const Program& program) {
    if (program.type() != BPF_PROG_TYPE_XDP) return;
    place_.emplace(Namespace::Create("cost"));
    try {
      attachment_ =
          AttacherFor("xdp").attach(program, {.ns = &*place_, .interface = "lo", .mode = "generic"});
    } catch (const Error&) {
      // Meant for a devmap or cpumap, or for one device: each call waits, and there are fewer of them.
    }
  }

 private:
  std::optional<Namespace> place_;
  std::unique_ptr<Attachment> attachment_;
};

class Measurement {
 public:
  Measurement(const Program& program, std::span<const std::byte> packet, std::chrono::nanoseconds slice)
      : program_(program), packet_(packet) {
    std::vector<double> calls;
    for (int i = 0; i < kOverheadCalls && ok_; i++) calls.push_back(Call(1));
    const double trial = Call(kTrialRepeat);
    if (!ok_) return;
    call_ns_ = QuietOf(std::move(calls));
    const double run_ns = std::max((trial - call_ns_) / (kTrialRepeat - 1), 1.0);
    repeat_ = static_cast<std::uint32_t>(
        std::clamp(static_cast<double>(slice.count()) / run_ns, double{kLeastRepeat}, double{kMostRepeat}));
  }
  bool ok() const { return ok_; }
  std::uint32_t repeat() const { return repeat_; }
  // Nanoseconds a run; the first run goes with the call's own time.
  double Slice() { return std::max(Call(repeat_) - call_ns_, 0.0) / (repeat_ - 1); }

 private:
  double Call(std::uint32_t repeat) {
    const double begin = ThreadNs();
    ok_ = TestRun(program_, packet_, repeat).error == 0;
    return ThreadNs() - begin;
  }

  const Program& program_;
  std::span<const std::byte> packet_;
  bool ok_ = true;
  double call_ns_ = 0;
  std::uint32_t repeat_ = 0;
};

}  // namespace

double QuietOf(std::vector<double> slices) {
  const auto at = static_cast<std::size_t>(kQuietShare * static_cast<double>(slices.size() - 1));
  std::nth_element(slices.begin(), slices.begin() + static_cast<std::ptrdiff_t>(at), slices.end());
  return slices.at(at);
}

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.at(values.size() / 2);
}

double UnitCost::ns_per_packet() const {
  return MedianOf(samples);
}
double UnitCost::low() const {
  return *std::min_element(samples.begin(), samples.end());
}
double UnitCost::high() const {
  return *std::max_element(samples.begin(), samples.end());
}

UnitCost MeasureUnitCost(const Program& program, const std::vector<CostProbe>& probes,
                         const UnitCostOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const Pinned pinned;
  const InDispatcher in_dispatcher(program);
  std::vector<std::pair<Measurement, double>> measured;  // and its weight
  double weights = 0;
  for (const CostProbe& probe : probes) {
    Measurement measurement(program, probe.packet, options.slice);
    if (!measurement.ok()) continue;
    measured.emplace_back(measurement, static_cast<double>(probe.weight));
    weights += static_cast<double>(probe.weight);
  }
  if (measured.empty()) return {};
  const auto enough = [&] { return std::chrono::steady_clock::now() - begin > options.enough; };
  UnitCost cost;
  while (cost.samples.empty() || (static_cast<int>(cost.samples.size()) < options.samples && !enough())) {
    std::vector<std::vector<double>> slices(measured.size());
    cost.repeat = 0;
    for (int slice = 0; slice < options.slices && (slice == 0 || !enough()); slice++) {
      for (std::size_t i = 0; i < measured.size(); i++) {
        slices[i].push_back(measured[i].first.Slice());
        cost.repeat += measured[i].first.repeat();
      }
    }
    double sum = 0;
    for (std::size_t i = 0; i < measured.size(); i++)
      sum += QuietOf(std::move(slices[i])) * measured[i].second;
    cost.samples.push_back(sum / weights);
  }
  return cost;
}

std::vector<CostProbe> ChooseProbes(const std::vector<std::span<const std::byte>>& packets,
                                    const std::vector<std::int64_t>& codes, std::size_t limit) {
  std::map<std::int64_t, std::vector<std::span<const std::byte>>> groups;
  for (std::size_t i = 0; i < packets.size() && i < codes.size(); i++) groups[codes[i]].push_back(packets[i]);
  std::vector<CostProbe> probes;
  for (auto& [code, group] : groups) {
    auto middle = group.begin() + static_cast<std::ptrdiff_t>(group.size() / 2);
    std::nth_element(group.begin(), middle, group.end(), [](auto a, auto b) { return a.size() < b.size(); });
    probes.push_back({*middle, group.size()});
  }
  std::stable_sort(probes.begin(), probes.end(),
                   [](const auto& a, const auto& b) { return a.weight > b.weight; });
  if (probes.size() > limit) probes.resize(limit);
  return probes;
}

}  // namespace knetlab
