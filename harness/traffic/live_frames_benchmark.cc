// SPDX-License-Identifier: Apache-2.0
// Packets a second that live frames send to an XDP program that drops them at the other end of a veth,
// against `tcpreplay --topspeed --preload-pcap` and against a loop that sends one constant frame, by turns in
// the same run. Counters: the rates, and how many times theirs ours is (of medians).
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "bpf/constant_frame.skel.h"
#include "bpf/drop.skel.h"
#include "harness/traffic/flood.h"
#include "harness/traffic/live_frames.h"
#include "harness/traffic/test_frame_tap.h"
#include "harness/traffic/test_packets.h"
#include "harness/traffic/test_tcpreplay.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

constexpr std::size_t kPackets = 4096;
constexpr std::uint64_t kLoops = 2000, kTcpreplayLoops = 100;
constexpr std::uint64_t kConstant = kPackets * kLoops;
constexpr std::uint32_t kFrame = 64, kBatch = 64;
constexpr int kRounds = 5;

struct DropDeleter {
  void operator()(drop_bpf* skeleton) const { drop_bpf__destroy(skeleton); }
};
struct ConstantDeleter {
  void operator()(constant_frame_bpf* skeleton) const { constant_frame_bpf__destroy(skeleton); }
};

class Wire {
 public:
  Wire() : topology_(Topology::Build(testing::TwoNamespaces())), drop_(drop_bpf__open_and_load()) {
    if (!drop_) throw ErrnoError("load", "drop.bpf.o", errno);
    topology_.ns("server").Run([&] {
      LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
      link_.reset(bpf_link_create(bpf_program__fd(drop_->progs.knetlab_drop),
                                  static_cast<int>(::if_nametoindex("eth0")), BPF_XDP, &options));
      if (!link_) throw ErrnoError("attach to", "server:eth0", errno);
    });
  }
  const Namespace& client() const { return topology_.ns("client"); }

 private:
  Topology topology_;
  std::unique_ptr<drop_bpf, DropDeleter> drop_;
  UniqueFd link_;
};

// Nanoseconds a packet.
double ConstantFrame(const Namespace& ns) {
  const std::unique_ptr<constant_frame_bpf, ConstantDeleter> skeleton(constant_frame_bpf__open_and_load());
  if (!skeleton) throw ErrnoError("load", "constant_frame.bpf.o", errno);
  skeleton->bss->total = kConstant;
  return ns.Run([&] {
    const testing::Bytes frame(kFrame);
    xdp_md context{};
    context.data_end = kFrame;
    context.ingress_ifindex = ::if_nametoindex("eth0");
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = kFrame,
                .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = static_cast<int>(kConstant),
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = kBatch);
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.constant_frame), &options) != 0)
      throw ErrnoError("run", "constant_frame", errno);
    return static_cast<double>(skeleton->bss->last_ns - skeleton->bss->first_ns) / double{kConstant};
  });
}

double LiveNs(LiveFrames& source, const Namespace& ns, benchmark::State& state) {
  const TrafficReport report = source.Send({.ns = &ns, .interface = "eth0"});
  if (report.packets != source.total()) state.SkipWithError("packets were not taken");
  return static_cast<double>(report.duration_ns) / static_cast<double>(report.packets);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Compare(benchmark::State& state, PacketFeed& feed, const std::vector<Packet>& packets, bool tcpreplay) {
  const Wire wire;
  const testing::TempDir directory;
  const std::string path = directory.Path("packets.pcap");
  if (tcpreplay) testing::WritePcap(path, packets);
  LiveFrames source(feed, {.loops = kLoops, .count = kConstant});
  std::vector<double> ours, theirs, constant;
  for ([[maybe_unused]] auto iteration : state) {
    constant.push_back(ConstantFrame(wire.client()));
    ours.push_back(LiveNs(source, wire.client(), state));
    if (tcpreplay) {
      theirs.push_back(testing::TcpreplaySeconds(wire.client(), path, packets.size(), kTcpreplayLoops) * 1e9 /
                       static_cast<double>(packets.size() * kTcpreplayLoops));
    }
    state.SetIterationTime(ours.back() * 1e-9 * double{kConstant});
  }
  state.counters["knetlab_Mpps"] = 1e3 / Median(ours);
  state.counters["constant_Mpps"] = 1e3 / Median(constant);
  state.counters["to_constant"] = Median(constant) / Median(ours);
  if (!tcpreplay) return;
  state.counters["tcpreplay_Mpps"] = 1e3 / Median(theirs);
  state.counters["to_tcpreplay"] = Median(theirs) / Median(ours);
}

void Small(benchmark::State& state) {
  const std::vector<Packet> packets = testing::DistinctFrames(kPackets, kFrame);
  MemoryFeed feed("small", packets);
  Compare(state, feed, packets, true);
}

void Imix(benchmark::State& state) {
  constexpr std::array<std::size_t, 12> kMix = {64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1514};
  std::vector<Packet> packets = testing::DistinctFrames(kPackets, 1514);
  for (std::size_t i = 0; i < packets.size(); i++) packets[i].bytes.resize(kMix.at(i % kMix.size()));
  MemoryFeed feed("imix", packets);
  Compare(state, feed, packets, true);
}

// Random addresses and ports.
void Flood(benchmark::State& state) {
  FloodFeed feed({.flood = "udp"});
  Compare(state, feed, {}, false);
}

BENCHMARK(Small)->Iterations(kRounds)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Imix)->Iterations(kRounds)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Flood)->Iterations(kRounds)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace knetlab
