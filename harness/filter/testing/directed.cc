// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/directed.h"

#include <algorithm>
#include <set>
#include <utility>

#include "harness/filter/testing/random.h"
#include "harness/filter/testing/trace.h"

namespace knetlab::filter_testing {
namespace {

constexpr std::size_t kTraceSteps = 20'000;
constexpr std::size_t kLongest = 9000;
constexpr std::size_t kTries = 4;  // solutions of one comparison

Coverage::Way WayOf(const TracedStep& step, bool other) {
  const bool yes = step.yes != other;
  if (step.load) return yes ? Coverage::kInside : Coverage::kBeyond;
  return yes ? Coverage::kYes : Coverage::kNo;
}

class Director {
 public:
  Director(const ClassicProgram& program, const DirectedOptions& options)
      : program_(program),
        options_(options),
        random_(options.seed),
        made_{{}, Coverage(program)},
        visits_(program.size()) {}

  DirectedPackets Run(const std::vector<PacketBytes>& bases) {
    // An IPv4 header of the usual length: with one of none its fields and those behind it would be the same
    // bytes.
    PacketBytes usual(64);
    usual[14] = 0x45;
    Try(std::move(usual));
    Try(PacketBytes(64));
    for (const PacketBytes& base : bases) Try(base);
    // Depth first: what was found last is furthest from what has been seen.
    while (runs_ < options_.runs) {
      if (!fresh_.empty()) {
        const std::size_t next = fresh_.back();
        fresh_.pop_back();
        Explore(next);
      } else if (!Complete()) {
        Wander();
      } else {
        break;
      }
    }
    std::vector<PacketBytes>& packets = made_.packets;
    for (Kept& kept : kept_) packets.push_back(kept.packet);
    if (options_.edges) AddEdges();
    for (PacketBytes& packet : packets) {
      if (packet.size() < options_.shortest) packet.resize(options_.shortest);
    }
    std::sort(packets.begin(), packets.end());
    packets.erase(std::unique(packets.begin(), packets.end()), packets.end());
    return std::move(made_);
  }

 private:
  struct Kept {
    PacketBytes packet;
    Trace trace;
  };

  // Whether the way was not taken yet, and may be.
  bool Misses(std::size_t at, Coverage::Way way) const {
    const bool of_load = way == Coverage::kInside || way == Coverage::kBeyond;
    return !made_.coverage.Has(at, way) &&
           (of_load || options_.possible == nullptr || options_.possible->Has(at, way));
  }

  bool Complete() const {
    const std::size_t all =
        options_.possible == nullptr ? made_.coverage.branches() : options_.possible->taken();
    return made_.coverage.taken() == all && wandered_ >= 64;
  }

  // Keeps the packet where it goes a way that none went before.
  bool Try(PacketBytes packet) {
    ++runs_;
    if (packet.size() < options_.shortest) packet.resize(options_.shortest);
    Trace trace = TraceClassic(program_, packet, kTraceSteps);
    bool fresh = false;
    for (const TracedStep& step : trace.steps) {
      const Coverage::Way way = WayOf(step, false);
      if (made_.coverage.Has(step.at, way)) continue;
      made_.coverage.Add(step.at, way);
      fresh = true;
    }
    if (fresh || kept_.empty()) Keep(std::move(packet), std::move(trace));
    return fresh;
  }

  void Keep(PacketBytes packet, Trace trace) {
    fresh_.push_back(kept_.size());
    for (std::size_t place = 0; place < trace.steps.size(); ++place) {
      visits_[trace.steps[place].at].emplace_back(kept_.size(), place);
    }
    kept_.push_back({std::move(packet), std::move(trace)});
  }

  // Every step of a kept packet that has not gone the other way yet.
  void Explore(std::size_t index) {
    for (std::size_t i = kept_[index].trace.steps.size(); i-- > 0 && runs_ < options_.runs;) {
      const TracedStep step = kept_[index].trace.steps[i];
      if (!Misses(step.at, WayOf(step, true))) continue;
      bool done = false;
      for (PacketBytes& changed :
           Flip(program_, kept_[index].trace, step, kept_[index].packet, kTries, random_)) {
        done = done || Try(std::move(changed));
      }
      for (std::size_t times = 0; times < kTries && !done; ++times) done = Loosen(index, i);
    }
  }

  // Where the bytes as they are leave no solution: others first, small ones most often, then again.
  bool Loosen(std::size_t index, std::size_t place) {
    const TracedStep step = kept_[index].trace.steps[place];
    if (step.load) return false;
    PacketBytes packet = kept_[index].packet;
    const std::uint32_t mask = random_.Of({0, 1, 0x0f, 0xf0, 0xff});
    const auto byte = [&] { return static_cast<std::uint8_t>(random_.Word() & mask); };
    const auto chosen = [&] { return random_.Chance(60); };
    Refill(kept_[index].trace, step.left, packet, byte, chosen);
    Refill(kept_[index].trace, step.right, packet, byte, chosen);
    Trace trace = TraceClassic(program_, packet, kTraceSteps);
    ++runs_;
    // What is read elsewhere now must be there, too.
    for (std::size_t times = 0; times < kTries; ++times) {
      const TracedStep& last = trace.steps.back();
      if (!last.load || last.yes || last.end > kLongest) break;
      packet.resize(last.end);
      trace = TraceClassic(program_, packet, kTraceSteps);
      ++runs_;
    }
    // An earlier step may have read the same bytes.
    if (place >= trace.steps.size() || trace.steps[place].at != step.at) return Try(std::move(packet));
    if (trace.steps[place].yes != step.yes) return Try(std::move(packet));
    bool done = false;
    for (PacketBytes& changed : Flip(program_, trace, trace.steps[place], packet, kTries, random_)) {
      done = done || Try(std::move(changed));
    }
    return done;
  }

  // Once more what never went one way, from any packet that gets there.
  bool Insist() {
    std::vector<std::size_t> missing;
    for (std::size_t at = 0; at < program_.size(); ++at) {
      if (!made_.coverage.IsBranch(at) || visits_[at].empty()) continue;
      if (Misses(at, Coverage::kYes) || Misses(at, Coverage::kNo)) missing.push_back(at);
    }
    if (missing.empty()) return false;
    const auto [index, place] = random_.Of(visits_[random_.Of(missing)]);
    Loosen(index, place);
    return true;
  }

  // A step that has gone both ways, for another packet: what is behind it may then be different.
  void Wander() {
    ++wandered_;
    if (random_.Chance(50) && Insist()) return;
    const std::size_t index = random_.Below(kept_.size());
    if (kept_[index].trace.steps.empty()) {
      ++runs_;
      return;
    }
    const TracedStep step = kept_[index].trace.steps[random_.Below(kept_[index].trace.steps.size())];
    std::vector<PacketBytes> changed =
        Flip(program_, kept_[index].trace, step, kept_[index].packet, 1, random_);
    if (changed.empty()) {
      ++runs_;
      return;
    }
    if (Try(changed.front()) || kept_.size() > kMostKept) return;
    PacketBytes packet = std::move(changed.front());
    if (packet.size() < options_.shortest) packet.resize(options_.shortest);
    Trace trace = TraceClassic(program_, packet, kTraceSteps);
    // Kept where its way as a whole is new.
    if (ways_.insert(PathOf(trace)).second) Keep(std::move(packet), std::move(trace));
  }

  static std::uint64_t PathOf(const Trace& trace) {
    std::uint64_t path = 0xcbf29ce484222325ULL;
    for (const TracedStep& step : trace.steps) {
      path = (path ^ (step.at * 2 + (step.yes ? 1U : 0U))) * 0x100000001b3ULL;
    }
    return path;
  }

  void AddEdges() {
    std::vector<PacketBytes>& packets = made_.packets;
    for (const Kept& kept : kept_) {
      std::set<std::size_t> lengths;
      for (const TracedStep& step : kept.trace.steps) {
        if (step.load && step.yes) lengths.insert({step.end, step.end - 1});
      }
      for (const std::size_t length : lengths) {
        if (packets.size() >= options_.max_packets) return;
        if (length < kept.packet.size()) {
          packets.emplace_back(kept.packet.begin(), kept.packet.begin() + static_cast<long>(length));
        }
      }
    }
    for (const PacketBytes& packet : packets) {
      const Trace trace = TraceClassic(program_, packet, kTraceSteps);
      for (const TracedStep& step : trace.steps) made_.coverage.Add(step.at, WayOf(step, false));
    }
  }

  static constexpr std::size_t kMostKept = 400;

  const ClassicProgram& program_;
  const DirectedOptions& options_;
  Random random_;
  DirectedPackets made_;
  std::vector<Kept> kept_;
  std::vector<std::size_t> fresh_;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> visits_;  // of instructions: kept, step
  std::set<std::uint64_t> ways_;
  std::size_t runs_ = 0, wandered_ = 0;
};

}  // namespace

DirectedPackets MakeDirected(const ClassicProgram& program, const std::vector<PacketBytes>& bases,
                             const DirectedOptions& options) {
  return Director(program, options).Run(bases);
}

}  // namespace knetlab::filter_testing
