// SPDX-License-Identifier: Apache-2.0
// Packets a second that a replay sends through a veth whose far side drops them in the kernel's stack,
// against `tcpreplay --topspeed --preload-pcap` in the same run, by turns. Counters: ours, tcpreplay's, and
// the ratio.
#include <benchmark/benchmark.h>

#include "harness/traffic/replay.h"
#include "harness/traffic/test_packets.h"
#include "harness/traffic/test_tcpreplay.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

constexpr std::size_t kPackets = 4096;
constexpr std::uint64_t kLoops = 64;

Topology BuildTopology() {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  spec.links = {link};
  return Topology::Build(spec);
}

// Arguments: packets a system call, whether the qdisc layer is bypassed, bytes a frame.
void ReplayAgainstTcpreplay(benchmark::State& state) {
  const testing::TempDir directory;
  Capture capture;
  capture.path = directory.Path("packets.pcap");
  capture.packets = testing::DistinctFrames(kPackets, static_cast<std::size_t>(state.range(2)));
  testing::WritePcap(capture.path, capture.packets);
  const Topology topology = BuildTopology();
  const Namespace& client = topology.ns("client");
  Replay replay(capture, {.loops = kLoops,
                          .batch = static_cast<std::uint32_t>(state.range(0)),
                          .qdisc_bypass = state.range(1) != 0});
  double ours = 0;
  double theirs = 0;
  for ([[maybe_unused]] auto iteration : state) {
    const TrafficReport report = replay.Send({.ns = &client, .interface = "eth0"});
    if (report.packets != kPackets * kLoops) state.SkipWithError("packets were refused");
    const double seconds = static_cast<double>(report.duration_ns) * 1e-9;
    state.SetIterationTime(seconds);
    ours += seconds;
    theirs += testing::TcpreplaySeconds(client, capture.path, kPackets, kLoops);
  }
  const double packets = static_cast<double>(kPackets * kLoops) * static_cast<double>(state.iterations());
  state.counters["knetlab_pps"] = packets / ours;
  state.counters["tcpreplay_pps"] = packets / theirs;
  state.counters["ratio"] = theirs / ours;
}

BENCHMARK(ReplayAgainstTcpreplay)
    ->ArgNames({"batch", "bypass", "bytes"})
    ->ArgsProduct({{1, 64}, {0, 1}, {60}})
    ->Iterations(3)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace knetlab
