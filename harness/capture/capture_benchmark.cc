// SPDX-License-Identifier: Apache-2.0
// What a capture costs a packet, and what it loses at high rates.
//
// Cost: packets through a hook by BPF_PROG_TEST_RUN, with a capture that takes all of them, with one that
// takes none, and without; the difference is what a packet pays. Loss: live frames over a veth whose far side
// drops them in XDP, captured into a file with default options; beside it `tcpdump` on a plain veth.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <regex>
#include <tuple>
#include <utility>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/hook_map.h"
#include "harness/capture/live_frames.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/program/attach.h"
#include "harness/program/test_run.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using testing::Bytes;
using testing::Hooked;
using testing::PacketFor;
using testing::TempDir;

constexpr std::uint32_t kRepeat = 50'000;

Bytes Frame(std::size_t size, std::uint16_t port = 53) {
  Bytes frame = testing::Ipv4Frame(17, "0a000001", "0a000002", testing::Udp(1000, port, size - 42));
  frame[0] = std::byte{1};  // bpf/hooked drops it
  return frame;
}

// A capture of `hooked` with default options.
class Running {
 public:
  Running(const Hooked& hooked, const std::string& output, const std::string& filter)
      : session_({.output = output, .filter = filter}), hook_(HookMap::Open(hooked.pin.path())) {
    for (const CapturePoint& point : hook_.Points({})) session_.Add(point);
    session_.Start();
  }
  PointCounts Stop() {
    for (const PointCounts& counts : session_.Stop().points) {
      if (counts.verdict == "XDP_DROP") return counts;
    }
    return {};
  }

 private:
  CaptureSession session_;
  HookMap hook_;
};

double RunNs(const Hooked& hooked, const Bytes& packet) {
  return TestRun(hooked.program(), packet, kRepeat).duration_ns;
}

// Arguments: bytes a packet, whether the filter matches. The least of all samples: neighbours on the machine
// only add.
void Cost(benchmark::State& state) {
  const Hooked hooked;
  const Bytes packet = Frame(static_cast<std::size_t>(state.range(0)));
  const std::string filter = state.range(1) != 0 ? "" : "tcp port 80";
  double with = 1e9;
  double without = 1e9;
  std::uint64_t lost = 0;
  for ([[maybe_unused]] auto iteration : state) {
    without = std::min(without, RunNs(hooked, packet));
    Running capture(hooked, "/dev/null", filter);
    const double ns = RunNs(hooked, packet);
    with = std::min(with, ns);
    lost += capture.Stop().lost;
    state.SetIterationTime(ns * kRepeat * 1e-9);
  }
  state.counters["idle_ns"] = without;
  state.counters["capture_ns"] = with - without;
  state.counters["lost"] = static_cast<double>(lost);
}
BENCHMARK(Cost)
    ->ArgNames({"bytes", "matched"})
    ->ArgsProduct({{64, 1400}, {0, 1}})
    ->Iterations(50)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

Topology TwoEnds() {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  spec.links = {link};
  return Topology::Build(spec);
}

// What a file of packets has cost its file system must not be paid by the next.
void Forget(const std::string& path) {
  std::filesystem::remove(path);
  ::sync();
}

// Arguments: bytes a frame, thousand frames a second, seconds.
void Loss(benchmark::State& state) {
  const auto pps = static_cast<double>(state.range(1)) * 1000;
  const auto frames = static_cast<std::uint64_t>(pps * static_cast<double>(state.range(2)));
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  PointCounts counts;
  double seconds = 0;
  std::uint64_t bytes = 0;
  for ([[maybe_unused]] auto iteration : state) {
    const Hooked hooked;
    const Topology topology = TwoEnds();
    const auto attachment =
        AttacherFor("xdp").attach(hooked.program(), {.ns = &topology.ns("server"), .interface = "eth0"});
    Running capture(hooked, path, "");
    const LiveFramesReport sent =
        SendLiveFrames(topology.ns("client"), "eth0", Frame(static_cast<std::size_t>(state.range(0))),
                       {.pps = pps, .frames = frames, .cpu = 0});
    counts = capture.Stop();
    bytes = std::filesystem::file_size(path);
    seconds = sent.seconds;
    state.SetIterationTime(seconds);
    Forget(path);
  }
  state.counters["pps"] = static_cast<double>(frames) / seconds;
  state.counters["received"] = static_cast<double>(counts.received);
  state.counters["lost"] = static_cast<double>(counts.lost);
  state.counters["unbalanced"] = static_cast<double>(counts.matched - counts.written - counts.lost);
  state.counters["file_MB"] = static_cast<double>(bytes) * 1e-6;
}
BENCHMARK(Loss)
    ->ArgNames({"bytes", "kpps", "seconds"})
    ->Args({64, 1000, 10})
    ->Args({64, 2000, 10})
    ->Args({1400, 250, 10})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);

// tcpdump in a namespace, until it is stopped.
class Tcpdump {
 public:
  Tcpdump(const Namespace& ns, const std::string& output) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("create", "pipe", errno);
    messages_.reset(ends[0]);
    const UniqueFd writer(ends[1]);
    const std::array<const char*, 8> words = {"tcpdump", "-i", "eth0",         "-B",
                                              "65536",   "-w", output.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
    const int error = ns.Run([&] {
      return ::posix_spawnp(&child_, words[0], &actions, nullptr, const_cast<char* const*>(words.data()),
                            environ);
    });
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw ErrnoError("run", "tcpdump", error);
    while (said_.find("listening on") == std::string::npos) Listen();
  }
  // Packets it captured, and those it says the kernel dropped.
  std::pair<double, double> Stop() {
    ::kill(child_, SIGINT);
    while (Listen()) {
    }
    ::waitpid(child_, nullptr, 0);
    std::smatch captured;
    std::smatch dropped;
    if (!std::regex_search(said_, captured, std::regex("([0-9]+) packets? captured")) ||
        !std::regex_search(said_, dropped, std::regex("([0-9]+) packets? dropped by kernel")))
      throw ErrnoError("understand", said_, EINVAL);
    return {std::stod(captured[1]), std::stod(dropped[1])};
  }

 private:
  bool Listen() {
    std::array<char, 1024> text{};
    const ssize_t got = ::read(messages_.get(), text.data(), text.size());
    if (got > 0) said_.append(text.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  UniqueFd messages_;
  pid_t child_ = -1;
  std::string said_;
};

void TcpdumpLoss(benchmark::State& state) {
  const auto pps = static_cast<double>(state.range(1)) * 1000;
  const auto frames = static_cast<std::uint64_t>(pps * static_cast<double>(state.range(2)));
  const TempDir folder;
  const std::string path = folder.Path("out.pcap");
  double captured = 0;
  double dropped = 0;
  for ([[maybe_unused]] auto iteration : state) {
    const Topology topology = TwoEnds();
    topology.EnableNapi(topology.endpoint("server:eth0"));
    Tcpdump tcpdump(topology.ns("server"), path);
    const LiveFramesReport sent =
        SendLiveFrames(topology.ns("client"), "eth0", Frame(static_cast<std::size_t>(state.range(0))),
                       {.pps = pps, .frames = frames, .cpu = 0});
    std::tie(captured, dropped) = tcpdump.Stop();
    state.SetIterationTime(sent.seconds);
    state.counters["pps"] = static_cast<double>(sent.sent) / sent.seconds;
    Forget(path);
  }
  state.counters["received"] = captured + dropped;
  state.counters["lost"] = dropped;
}
BENCHMARK(TcpdumpLoss)
    ->ArgNames({"bytes", "kpps", "seconds"})
    ->Args({64, 2000, 10})
    ->Args({1400, 250, 10})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace knetlab
