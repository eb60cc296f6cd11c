// SPDX-License-Identifier: Apache-2.0
// How long building takes: a thousand namespaces with a veth each, beside `ip -batch` in the same run, and
// the two namespaces of a small scenario from nothing to nothing.
//
// The kernel removes namespaces in the background and holds its locks meanwhile, so each measurement begins
// when the namespaces of the one before are gone, and the two ways take turns: their ratio is that of the
// medians.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

constexpr int kNamespaces = 1000;
constexpr int kTurns = 5;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A ring: namespace i has `right`, whose peer is `left` of namespace i + 1. So each has one veth pair of its
// own.
TopologySpec Ring() {
  TopologySpec spec;
  for (int i = 0; i < kNamespaces; ++i)
    spec.namespaces.push_back({.name = fmt::format("n{}", i), .sysctls = {}});
  for (int i = 0; i < kNamespaces; ++i) {
    LinkSpec link;
    link.ends[0] = {
        .ns = fmt::format("n{}", i), .interface = "right", .addresses = {}, .mac = {}, .offloads = {}};
    link.ends[1] = {.ns = fmt::format("n{}", (i + 1) % kNamespaces),
                    .interface = "left",
                    .addresses = {},
                    .mac = {},
                    .offloads = {}};
    spec.links.push_back(std::move(link));
  }
  return spec;
}

// The same objects by iproute2, in the two batches it needs: a namespace must exist before a link is made
// into it.
class IpBatch {
 public:
  IpBatch() : prefix_(fmt::format("knetlab-bench-{}-", ::getpid())) {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("{}files", prefix_);
    std::filesystem::create_directory(folder_);
    std::ofstream namespaces(folder_ / "namespaces");
    std::ofstream links(folder_ / "links");
    for (int i = 0; i < kNamespaces; ++i) {
      namespaces << fmt::format("netns add {}{}\n", prefix_, i);
      links << fmt::format("link add right netns {}{} type veth peer name left netns {}{}\n", prefix_, i,
                           prefix_, (i + 1) % kNamespaces);
    }
  }
  ~IpBatch() {
    RemoveNames();
    std::filesystem::remove_all(folder_);
  }
  void Build() const {
    Batch("namespaces");
    Batch("links");
  }
  void RemoveNames() const {
    for (int i = 0; i < kNamespaces; ++i) {
      const std::string path = fmt::format("/run/netns/{}{}", prefix_, i);
      ::umount2(path.c_str(), MNT_DETACH);
      ::unlink(path.c_str());
    }
  }

 private:
  void Batch(const char* file) const {
    std::string program = "ip";
    std::string option = "-batch";
    std::string path = folder_ / file;
    char* arguments[] = {program.data(), option.data(), path.data(), nullptr};
    pid_t child = 0;
    int status = -1;
    if (::posix_spawnp(&child, "ip", nullptr, nullptr, arguments, environ) != 0 ||
        ::waitpid(child, &status, 0) != child || status != 0) {
      throw Error(
          {.what = "run ip -batch", .where = path, .why = "it failed", .hint = "", .detail = "", .code = 0});
    }
  }

  std::string prefix_;
  std::filesystem::path folder_;
};

// The kernel's own account of namespaces: each has one object of this slab.
long LivingNamespaces() {
  std::ifstream file("/proc/slabinfo");
  std::string name;
  long objects = 0;
  while (file >> name) {
    if (name == "net_namespace" && file >> objects) return objects;
    file.ignore(4096, '\n');
  }
  return -1;
}

// Nothing announces that a namespace is gone, so this asks again and again. The kernel (6.12 and later) frees
// what one round of removal leaves only in the next, which one more namespace brings about.
void AwaitNamespacesGone(long before) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  do {
    Namespace::Create("broom");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  } while (LivingNamespaces() > before + kNamespaces / 10 && std::chrono::steady_clock::now() < deadline);
}

void ThousandNamespaces(benchmark::State& state) {
  const TopologySpec spec = Ring();
  const IpBatch ip;
  const long before = LivingNamespaces();
  for ([[maybe_unused]] auto unused : state) {
    std::vector<double> ours;
    std::vector<double> theirs;
    for (int turn = 0; turn < kTurns; ++turn) {
      {
        const auto start = std::chrono::steady_clock::now();
        const auto topology = Topology::Build(spec);
        ours.push_back(Seconds(std::chrono::steady_clock::now() - start));
      }
      AwaitNamespacesGone(before);
      const auto start = std::chrono::steady_clock::now();
      ip.Build();
      theirs.push_back(Seconds(std::chrono::steady_clock::now() - start));
      ip.RemoveNames();
      AwaitNamespacesGone(before);
    }
    state.counters["knetlab_s"] = Median(ours);
    state.counters["ip_batch_s"] = Median(theirs);
    state.counters["times_faster"] = Median(theirs) / Median(ours);
    state.SetIterationTime(Median(ours));
  }
}
BENCHMARK(ThousandNamespaces)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void TwoNamespacesUpAndDown(benchmark::State& state) {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0] = {.ns = "client",
                  .interface = "eth0",
                  .addresses = {IpPrefix::Parse("10.0.0.1/24")},
                  .mac = {},
                  .offloads = {}};
  link.ends[1] = {.ns = "server",
                  .interface = "eth0",
                  .addresses = {IpPrefix::Parse("10.0.0.2/24")},
                  .mac = {},
                  .offloads = {}};
  if (state.range(0) == 6) {
    link.ends[0].addresses.push_back(IpPrefix::Parse("fd00::1/64"));
    link.ends[1].addresses.push_back(IpPrefix::Parse("fd00::2/64"));
  }
  spec.links = {link};
  std::vector<double> times;
  for ([[maybe_unused]] auto unused : state) {
    const auto start = std::chrono::steady_clock::now();
    { const auto topology = Topology::Build(spec); }
    times.push_back(Seconds(std::chrono::steady_clock::now() - start));
    state.SetIterationTime(times.back());
  }
  state.counters["median_ms"] = Median(times) * 1e3;
  state.counters["max_ms"] = *std::max_element(times.begin(), times.end()) * 1e3;
}
BENCHMARK(TwoNamespacesUpAndDown)
    ->ArgName("ip")
    ->Arg(4)
    ->Arg(6)
    ->Iterations(200)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace knetlab
