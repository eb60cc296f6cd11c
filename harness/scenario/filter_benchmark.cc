// SPDX-License-Identifier: Apache-2.0
// What a compiled filter costs beside `clang -O2` of its C form, for every expression of the corpus that
// clang's form exists for: `ratio` is knetlab's time over clang's, 1 the same, less is faster.
//
// A test run's own loop hides two programs of this size (its floor is 7 ns), so each is called 16 times a run
// as a function and the time of an empty one is subtracted. The two and the empty one take turns, and of each
// the fastest turn counts, since whatever else the machine does only adds. Packets: of those that match and
// those that do not, the one with the longest way.
//
// KNETLAB_FILTER_TIMES=FILE: a line for each expression.
#include <benchmark/benchmark.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "harness/filter/c_source.h"
#include "harness/filter/compile.h"
#include "harness/filter/reference.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/directed.h"
#include "harness/filter/testing/trace.h"
#include "harness/program/raw_program.h"
#include "harness/program/test_run.h"
#include "netns/error.h"

namespace knetlab::filter_testing {
namespace {

constexpr int kCalls = 16;
constexpr std::uint32_t kRepeat = 5'000;
constexpr int kMostTurns = 80, kUnchangedTurns = 12;

// A folder of its own, gone at the end.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / "knetlab-benchmark-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw ErrnoError("create", path_, errno);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The instructions that clang makes of the C form.
std::vector<bpf_insn> ByClang(const ClassicProgram& program, const Scratch& folder) {
  const std::string source = folder / "filter.c", object = folder / "filter.o";
  std::ofstream(source) << CSource(program, {.comment = "", .function = "match", .frame = CFrame::kXdp});
  const std::string command = fmt::format("{} -O2 -target bpf -mcpu=v3 -I{} -c {} -o {}", KNETLAB_CLANG,
                                          KNETLAB_BPF_INCLUDES, source, object);
  if (std::system(command.c_str()) != 0) throw ErrnoError("compile", source, EINVAL);  // NOLINT
  const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> opened(bpf_object__open(object.c_str()),
                                                                         &bpf_object__close);
  bpf_program* filter = opened == nullptr ? nullptr : bpf_object__next_program(opened.get(), nullptr);
  if (filter == nullptr) throw ErrnoError("open", object, errno);
  const bpf_insn* first = bpf_program__insns(filter);
  return {first, first + bpf_program__insn_cnt(filter)};
}

// A program that calls the other, a function behind it, so many times.
RawProgram Called(const std::vector<bpf_insn>& function) {
  Assembler a;
  const Label behind = a.NewLabel();
  a.Mov(R6, R1);
  for (int i = 0; i < kCalls; ++i) {
    a.Mov(R1, R6);
    a.CallFunction(behind);
  }
  a.Mov(R0, XDP_PASS);
  a.Exit();
  a.Bind(behind);
  std::vector<bpf_insn> all = a.Finish().instructions;
  all.insert(all.end(), function.begin(), function.end());
  return RawProgram::Load({.name = "called", .type = BPF_PROG_TYPE_XDP, .instructions = all});
}

std::vector<bpf_insn> Empty() {
  Assembler a;
  a.Mov(R0, XDP_PASS);
  a.Exit();
  return a.Finish().instructions;
}

// The longest way to a match, and that to none.
std::vector<PacketBytes> Packets(const ClassicProgram& program) {
  DirectedPackets directed =
      MakeDirected(program, {}, {.seed = 1, .runs = 1500, .shortest = 60, .edges = false});
  std::array<const PacketBytes*, 2> longest{};
  std::array<std::size_t, 2> steps{};
  for (const PacketBytes& packet : directed.packets) {
    if (packet.size() > 1514) continue;
    const Trace trace = TraceClassic(program, packet, 10'000);
    const std::size_t which = trace.run.result != 0 ? 1 : 0;
    if (longest[which] != nullptr && trace.steps.size() <= steps[which]) continue;
    longest[which] = &packet;
    steps[which] = trace.steps.size();
  }
  std::vector<PacketBytes> chosen;
  for (const PacketBytes* packet : longest) {
    if (packet != nullptr) chosen.push_back(*packet);
  }
  return chosen;
}

struct Times {
  double ours = 0, clang = 0;  // ns a call, without what an empty function takes; of all packets together
};

// The fastest of many runs, in turns until neither has been faster for a while.
class Race {
 public:
  explicit Race(const Scratch& folder) : folder_(folder), empty_(Called(Empty())) {}

  Times Run(const ClassicProgram& program) {
    const RawProgram ours = Called(
        CompileFilter(program, {.target = FilterTarget::kXdp, .match = XDP_DROP, .otherwise = XDP_PASS})
            .instructions);
    const RawProgram clang = Called(ByClang(program, folder_));
    Times times;
    for (const PacketBytes& packet : Packets(program)) {
      const Times one = OnPacket(ours, clang, packet);
      times.ours += one.ours - least_empty_;
      times.clang += one.clang - least_empty_;
    }
    return times;
  }

 private:
  static double Once(const RawProgram& program, const PacketBytes& packet) {
    return static_cast<double>(
               TestRun(program.program(), std::as_bytes(std::span(packet)), kRepeat).duration_ns) /
           kCalls;
  }

  Times OnPacket(const RawProgram& ours, const RawProgram& clang, const PacketBytes& packet) {
    Times least{1e9, 1e9};
    int unchanged = 0;
    for (int turn = 0; turn < kMostTurns && unchanged < kUnchangedTurns; ++turn) {
      const Times now{Once(ours, packet), Once(clang, packet)};
      unchanged = now.ours < least.ours || now.clang < least.clang ? 0 : unchanged + 1;
      least = {std::min(least.ours, now.ours), std::min(least.clang, now.clang)};
      least_empty_ = std::min(least_empty_, Once(empty_, packet));
    }
    return least;
  }

  const Scratch& folder_;
  const RawProgram empty_;
  double least_empty_ = 1e9;  // of all packets: it reads none
};

void FiltersBesideClang(benchmark::State& state) {
  const Scratch folder;
  Race race(folder);
  const char* path = std::getenv("KNETLAB_FILTER_TIMES");
  std::ofstream lines(path == nullptr ? "/dev/null" : path);
  std::vector<double> ratios;
  Times all;
  while (state.KeepRunning()) {
    for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
      const ClassicProgram program = CompileExpression(expression, {.netmask = 0xffffff00U});
      if (ReadsAncillary(program) || !EndsSurely(program)) continue;
      const Times times = race.Run(program);
      // Nothing that can be told from an empty function.
      constexpr double kLeast = 0.2;
      ratios.push_back(std::max(times.ours, kLeast) / std::max(times.clang, kLeast));
      all.ours += times.ours;
      all.clang += times.clang;
      lines << fmt::format("{:.3f} {:.2f} {:.2f} {}\n", ratios.back(), times.ours, times.clang, expression)
            << std::flush;
    }
  }
  std::sort(ratios.begin(), ratios.end());
  state.counters["filters"] = static_cast<double>(ratios.size());
  state.counters["ratio_median"] = ratios[ratios.size() / 2];
  state.counters["ratio_p90"] = ratios[ratios.size() * 9 / 10];
  state.counters["ratio_worst"] = ratios.back();
  state.counters["ratio_of_sums"] = all.ours / all.clang;
  state.counters["slower_by_5_percent"] = static_cast<double>(
      std::count_if(ratios.begin(), ratios.end(), [](double ratio) { return ratio > 1.05; }));
}
BENCHMARK(FiltersBesideClang)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace knetlab::filter_testing
