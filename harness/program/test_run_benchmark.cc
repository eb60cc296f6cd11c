// SPDX-License-Identifier: Apache-2.0
// The unit rig's cost of a packet beside that of `bpftool prog run`, interleaved: `ratio` is knetlab's median
// over bpftool's, and belongs within 2 % of 1. Both are the kernel's own mean of many runs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "harness/program/object.h"
#include "harness/program/test_run.h"

namespace knetlab {
namespace {

constexpr std::uint32_t kRepeat = 200'000;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// The number after "duration (average): " in what bpftool prints; 0 where it fails.
double BpftoolDuration(std::uint32_t id, const std::string& packet_file) {
  std::array<int, 2> output{};
  if (::pipe(output.data()) != 0) return 0;
  const std::string id_text = std::to_string(id);
  const std::string repeat = std::to_string(kRepeat);
  std::vector<std::string> words = {KNETLAB_BPFTOOL, "prog",      "run",    "id",  id_text,
                                    "data_in",       packet_file, "repeat", repeat};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(output[1]);
  std::string text;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = ::read(output[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(output[0]);
  if (failed == 0) ::waitpid(child, nullptr, 0);
  const std::size_t at = text.find("(average): ");
  return at == text.npos ? 0 : std::strtod(text.c_str() + at + 11, nullptr);
}

void TestRunBesideBpftool(benchmark::State& state) {
  const BpfObject object =
      BpfObject::Load(std::string(KNETLAB_TEST_OBJECTS) + "/test_growth.bpf.o", {.programs = {"slow"}});
  const Program& program = object.program("slow");
  const std::vector<std::byte> packet(60);
  std::string file = "/tmp/knetlab-benchmark-XXXXXX";
  const int fd = ::mkstemp(file.data());
  if (fd < 0 || ::write(fd, packet.data(), packet.size()) != static_cast<ssize_t>(packet.size())) {
    state.SkipWithError("cannot write the packet");
  }
  ::close(fd);
  std::vector<double> ours;
  std::vector<double> theirs;
  while (state.KeepRunning()) {
    ours.push_back(TestRun(program, packet, kRepeat).duration_ns);
    theirs.push_back(BpftoolDuration(program.id(), file));
  }
  ::unlink(file.c_str());
  state.counters["knetlab_ns"] = Median(ours);
  state.counters["bpftool_ns"] = Median(theirs);
  state.counters["ratio"] = Median(ours) / Median(theirs);
}
BENCHMARK(TestRunBesideBpftool)->Iterations(15)->Unit(benchmark::kMillisecond);

// What one packet costs with everything around it: the path of `try`, one packet a call.
void TestRunOnePacket(benchmark::State& state) {
  const BpfObject object =
      BpfObject::Load(std::string(KNETLAB_TEST_OBJECTS) + "/test_growth.bpf.o", {.programs = {"grow"}});
  const std::vector<std::byte> packet(static_cast<std::size_t>(state.range(0)));
  while (state.KeepRunning()) benchmark::DoNotOptimize(TestRun(object.program("grow"), packet));
}
BENCHMARK(TestRunOnePacket)->Arg(60)->Arg(1514);

}  // namespace
}  // namespace knetlab
