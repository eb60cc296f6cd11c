// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_check.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "harness/filter/classic.h"
#include "harness/filter/compile.h"
#include "harness/filter/reference.h"
#include "harness/scenario/filter_driver.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kMostDifferences = 1000;
constexpr std::size_t kMostNotRun = 1000;
// What fits into one page together with the room that XDP keeps before and behind, on any configuration.
constexpr std::size_t kMostInOnePage = 3072;

// One expression of a group, compiled, and what it stands at.
struct Candidate {
  std::size_t expression = 0;
  ClassicProgram program;
  bool runs_xdp = false, runs_tc = false;
};

class Check {
 public:
  Check(const FilterCheckOptions& options, const std::stop_token& stop) : options_(options), stop_(stop) {}

  FilterCheckResult Run() {
    const auto begin = std::chrono::steady_clock::now();
    result_.environment = ReadEnvironment();
    result_.expressions = options_.expressions.size();
    ReadPackets();
    CompileAll();
    RunAll();
    Sort();
    result_.distinct = result_.packets.packets.size();
    result_.packets.packets.clear();
    result_.duration_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(result_);
  }

 private:
  void ReadPackets() {
    // Without fragments XDP takes one page; both hooks are to see the same packets.
    result_.packets = ReadDistinctPackets(options_.captures, FilterDriver::kMostBytes);
    if (result_.packets.longest() <= kMostInOnePage) return;
    fragments_ = true;
    try {
      const FilterDriver probe(fragments_);
    } catch (const Error&) {
      fragments_ = false;
      result_.packets = ReadDistinctPackets(options_.captures, kMostInOnePage);
    }
  }

  void CompileAll() {
    for (std::size_t i = 0; i < options_.expressions.size(); ++i) {
      const std::string& expression = options_.expressions[i];
      try {
        ClassicProgram program = CompileExpression(expression, {.optimise = options_.optimise});
        ValidateClassic(program);
        if (ReadsAncillary(program)) {
          Refuse(
              {expression, "",
               "it reads what is not in the packet (interface, direction, VLAN tag of the kernel); libpcap's "
               "interpreter has no such thing to compare with",
               false});
          continue;
        }
        candidates_.push_back({i, std::move(program), false, false});
      } catch (const Error& error) {
        Refuse({expression, "", error.parts().why, false});
      }
    }
  }

  void RunAll() {
    const std::size_t groups = (candidates_.size() + FilterDriver::kSlots - 1) / FilterDriver::kSlots;
    if (groups == 0) return;
    const std::size_t wanted = options_.threads > 0 ? static_cast<std::size_t>(options_.threads)
                                                    : std::thread::hardware_concurrency();
    const std::size_t count = std::clamp<std::size_t>(wanted, 1, groups);
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < count; ++i) {
      workers.emplace_back([this, &next, groups] {
        try {
          FilterDriver driver(fragments_);
          for (std::size_t group = next++; group < groups && !Ended(); group = next++)
            RunGroup(driver, group);
        } catch (...) {
          const std::lock_guard lock(mutex_);
          if (!failure_) failure_ = std::current_exception();
        }
      });
    }
    workers.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

  bool Ended() {
    const std::lock_guard lock(mutex_);
    return stop_.stop_requested() || failure_;
  }

  void RunGroup(FilterDriver& driver, std::size_t group) {
    const std::size_t begin = group * FilterDriver::kSlots;
    const std::size_t end = std::min(begin + FilterDriver::kSlots, candidates_.size());
    driver.Clear();
    for (std::size_t slot = 0; begin + slot < end; ++slot) {
      Candidate& one = candidates_[begin + slot];
      one.runs_xdp = Load(driver, FilterTarget::kXdp, slot, one) &&
                     (!fragments_ || Load(driver, FilterTarget::kXdpFrags, slot, one));
      one.runs_tc = Load(driver, FilterTarget::kTc, slot, one);
    }
    const std::span<const Candidate> candidates(candidates_.data() + begin, end - begin);
    Tally tally;
    for (const DistinctPacket& packet : result_.packets.packets) {
      if (stop_.stop_requested()) break;
      Compare(driver, candidates, packet, tally);
    }
    const std::lock_guard lock(mutex_);
    result_.comparisons += tally.comparisons;
    result_.matches += tally.matches;
  }

  bool Load(FilterDriver& driver, FilterTarget target, std::size_t slot, const Candidate& one) {
    FilterRefusal refusal{options_.expressions[one.expression], target == FilterTarget::kTc ? "tc" : "xdp",
                          "", false};
    std::optional<Code> code;
    try {
      code = CompileFilter(
          one.program,
          {.target = target, .match = FilterDriver::kMatchCode, .otherwise = FilterDriver::kOtherwiseCode});
      refusal.by_kernel = true;
      driver.Set(target, slot, *code);
      return true;
    } catch (const Error& error) {
      refusal.why = error.parts().why;
      Refuse(std::move(refusal));
      return false;
    }
  }

  struct Tally {
    std::uint64_t comparisons = 0, matches = 0;
  };

  void Compare(FilterDriver& driver, std::span<const Candidate> candidates, const DistinctPacket& packet,
               Tally& tally) {
    const FilterTarget xdp =
        packet.bytes.size() > kMostInOnePage ? FilterTarget::kXdpFrags : FilterTarget::kXdp;
    const FilterDriver::Verdicts in_xdp = driver.Run(xdp, packet.bytes);
    const FilterDriver::Verdicts in_tc = driver.Run(FilterTarget::kTc, packet.bytes);
    for (std::size_t slot = 0; slot < candidates.size(); ++slot) {
      const Candidate& one = candidates[slot];
      const bool expected =
          RunReference(one.program, packet.bytes, static_cast<std::uint32_t>(packet.bytes.size())) != 0;
      if (one.runs_xdp) Judge(one, packet, "xdp", expected, in_xdp[slot], tally);
      if (one.runs_tc) Judge(one, packet, "tc", expected, in_tc[slot], tally);
    }
  }

  void Judge(const Candidate& one, const DistinctPacket& packet, const char* target, bool expected,
             FilterDriver::Ran ran, Tally& tally) {
    const std::string& capture = result_.packets.captures[packet.capture];
    if (ran == FilterDriver::Ran::kNot) {
      const std::lock_guard lock(mutex_);
      if (result_.not_run.size() < kMostNotRun) result_.not_run.push_back({capture, packet.number, target});
      return;
    }
    const bool got = ran == FilterDriver::Ran::kMatch;
    tally.comparisons += packet.times;
    if (got) tally.matches += packet.times;
    if (got == expected) return;
    const std::lock_guard lock(mutex_);
    result_.difference_count += packet.times;
    if (result_.differences.size() < kMostDifferences) {
      result_.differences.push_back({options_.expressions[one.expression], capture, packet.number, target,
                                     expected, got, packet.times});
    }
  }

  void Refuse(FilterRefusal refusal) {
    const std::lock_guard lock(mutex_);
    result_.refused.push_back(std::move(refusal));
  }

  // Threads end in any order; the document is the same each time.
  void Sort() {
    const auto place = [&](const std::string& expression) {
      return std::find(options_.expressions.begin(), options_.expressions.end(), expression);
    };
    std::stable_sort(result_.refused.begin(), result_.refused.end(), [&](const auto& a, const auto& b) {
      return std::pair(place(a.expression), a.target) < std::pair(place(b.expression), b.target);
    });
    std::stable_sort(result_.differences.begin(), result_.differences.end(),
                     [&](const auto& a, const auto& b) {
                       return std::tuple(place(a.expression), a.capture, a.packet, a.target) <
                              std::tuple(place(b.expression), b.capture, b.packet, b.target);
                     });
    const auto key = [](const NotRun& one) { return std::tie(one.capture, one.packet, one.target); };
    std::sort(result_.not_run.begin(), result_.not_run.end(),
              [&](const NotRun& a, const NotRun& b) { return key(a) < key(b); });
    const auto same = [&](const NotRun& a, const NotRun& b) { return key(a) == key(b); };
    result_.not_run.erase(std::unique(result_.not_run.begin(), result_.not_run.end(), same),
                          result_.not_run.end());
  }

  const FilterCheckOptions& options_;
  const std::stop_token& stop_;
  FilterCheckResult result_;
  std::vector<Candidate> candidates_;
  bool fragments_ = false;
  std::mutex mutex_;  // of result_'s lists and sums, and of failure_
  std::exception_ptr failure_;
};

}  // namespace

bool FilterCheckResult::holds() const {
  const bool kernel_refused =
      std::any_of(refused.begin(), refused.end(), [](const FilterRefusal& one) { return one.by_kernel; });
  return difference_count == 0 && not_run.empty() && !kernel_refused;
}

FilterCheckResult CheckFilters(const FilterCheckOptions& options, const std::stop_token& stop) {
  return Check(options, stop).Run();
}

}  // namespace knetlab
