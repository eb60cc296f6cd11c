// SPDX-License-Identifier: Apache-2.0
// What a capture costs a packet, and what it loses at high rates.
//
// Cost: packets through a hook by BPF_PROG_TEST_RUN, with a capture that takes all of them, with one that
// takes none, and without; the difference is what a packet pays. Loss: live frames over a veth whose far side
// drops them in XDP, captured into a file with default options; beside it `tcpdump` on a plain veth.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
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
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/program/attach.h"
#include "harness/program/test_run.h"
#include "harness/traffic/live_frames.h"
#include "harness/traffic/packet_feed.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using testing::Bytes;
using testing::Hooked;
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

// Where this thread and those that it starts run from now on: with a veth, who sends decides who receives.
class PinnedTo {
 public:
  explicit PinnedTo(std::size_t cpu) {
    ::sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
  }
  ~PinnedTo() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  PinnedTo(const PinnedTo&) = delete;
  PinnedTo& operator=(const PinnedTo&) = delete;

 private:
  cpu_set_t before_{};
};

// The same frame so many times, out of client:eth0.
TrafficReport SendCopies(const Topology& topology, Bytes frame, double pps, std::uint64_t frames) {
  const std::vector<Packet> packets = {testing::MakePacket(std::move(frame))};
  MemoryFeed feed("frame", packets);
  LiveFrames source(feed, {.pace = {Pace::Kind::kPps, pps}, .loops = frames});
  const PinnedTo cpu(0);
  return source.Send({.ns = &topology.ns("client"), .interface = "eth0"});
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
    const TrafficReport sent =
        SendCopies(topology, Frame(static_cast<std::size_t>(state.range(0))), pps, frames);
    counts = capture.Stop();
    bytes = std::filesystem::file_size(path);
    seconds = static_cast<double>(sent.duration_ns) * 1e-9;
    state.counters["not_taken"] = static_cast<double>(sent.unsent);
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
    // The thread that lives in the namespace blocks all signals, and its children would.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int error = ns.Run([&] {
      return ::posix_spawnp(&child_, words[0], &actions, &attributes, const_cast<char* const*>(words.data()),
                            environ);
    });
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw ErrnoError("run", "tcpdump", error);
    while (said_.find("listening on") == std::string::npos) {
      if (!Listen()) throw ErrnoError("run", "tcpdump: " + said_, EINVAL);
    }
  }
  ~Tcpdump() { Reap(SIGKILL); }
  Tcpdump(const Tcpdump&) = delete;
  Tcpdump& operator=(const Tcpdump&) = delete;
  // Packets it captured, and those it says the kernel dropped.
  std::pair<double, double> Stop() {
    ::kill(child_, SIGINT);
    while (Listen()) {
    }
    Reap(SIGKILL);  // where it has not ended by itself
    std::smatch captured;
    std::smatch dropped;
    if (!std::regex_search(said_, captured, std::regex("([0-9]+) packets? captured")) ||
        !std::regex_search(said_, dropped, std::regex("([0-9]+) packets? dropped by kernel")))
      throw ErrnoError("understand", said_, EINVAL);
    return {std::stod(captured[1]), std::stod(dropped[1])};
  }

 private:
  static constexpr int kPatienceMs = 30'000;

  // False at the end of what it says, or where it says nothing for too long.
  bool Listen() {
    std::array<char, 1024> text{};
    pollfd readable{.fd = messages_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kPatienceMs) <= 0) return false;
    const ssize_t got = ::read(messages_.get(), text.data(), text.size());
    if (got > 0) said_.append(text.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  void Reap(int signal) {
    if (child_ <= 0) return;
    ::kill(child_, signal);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
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
    const TrafficReport sent =
        SendCopies(topology, Frame(static_cast<std::size_t>(state.range(0))), pps, frames);
    std::tie(captured, dropped) = tcpdump.Stop();
    const double seconds = static_cast<double>(sent.duration_ns) * 1e-9;
    state.SetIterationTime(seconds);
    state.counters["pps"] = static_cast<double>(sent.packets) / seconds;
    state.counters["not_taken"] = static_cast<double>(sent.unsent);
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
