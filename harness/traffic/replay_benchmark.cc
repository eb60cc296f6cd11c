// SPDX-License-Identifier: Apache-2.0
// Packets a second that a replay sends through a veth whose far side drops them in the kernel's stack,
// against `tcpreplay --topspeed --preload-pcap` in the same run, by turns. Counters: ours, tcpreplay's, and
// the ratio.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <regex>

#include "harness/traffic/replay.h"
#include "harness/traffic/test_packets.h"
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

void WritePcap(const std::string& path, const std::vector<Packet>& packets) {
  pcap_t* pcap = pcap_open_dead(DLT_EN10MB, 65535);
  pcap_dumper_t* dumper = pcap_dump_open(pcap, path.c_str());
  if (dumper == nullptr)
    throw Error({.what = "write", .where = path, .why = pcap_geterr(pcap), .hint = "", .detail = ""});
  for (const Packet& packet : packets) {
    const auto size = static_cast<bpf_u_int32>(packet.bytes.size());
    const pcap_pkthdr header{.ts = {}, .caplen = size, .len = size};
    pcap_dump(reinterpret_cast<u_char*>(dumper), &header,
              reinterpret_cast<const u_char*>(packet.bytes.data()));
  }
  pcap_dump_close(dumper);
  pcap_close(pcap);
}

// What tcpreplay says on its standard output. The child has the namespace of the thread that starts it.
std::string RunTcpreplay(const Namespace& ns, const std::string& capture) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("create", "pipe", errno);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const std::string loop = fmt::format("--loop={}", kLoops);
  const std::array<const char*, 7> words = {"tcpreplay",    "--topspeed",    "--preload-pcap", loop.c_str(),
                                            "--intf1=eth0", capture.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = ns.Run([&] {
    return ::posix_spawnp(&child, words[0], &actions, nullptr, const_cast<char* const*>(words.data()),
                          environ);
  });
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw ErrnoError("run", "tcpreplay", error);
  writer.reset();
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return output;
}

double TcpreplaySeconds(const std::string& output) {
  std::smatch match;
  if (!std::regex_search(output, match,
                         std::regex("Actual: ([0-9]+) packets .* sent in ([0-9.]+) seconds")) ||
      std::stoull(match[1]) != kPackets * kLoops) {
    throw Error(
        {.what = "run", .where = "tcpreplay", .why = "did not send all", .hint = "", .detail = output});
  }
  return std::stod(match[2]);
}

// Arguments: packets a system call, whether the qdisc layer is bypassed, bytes a frame.
void ReplayAgainstTcpreplay(benchmark::State& state) {
  const testing::TempDir directory;
  Capture capture;
  capture.path = directory.Path("packets.pcap");
  capture.packets = testing::DistinctFrames(kPackets, static_cast<std::size_t>(state.range(2)));
  WritePcap(capture.path, capture.packets);
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
    theirs += TcpreplaySeconds(RunTcpreplay(client, capture.path));
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
