// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/counter_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "netns/error.h"

namespace knetlab {
namespace {

// Up to Linux 5.15 a value of an array map is no larger.
constexpr std::size_t kLargestValue = std::size_t{1} << 22;

std::size_t WholePages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

CounterMap::CounterMap(std::uint32_t points)
    : cpus_(static_cast<std::uint32_t>(std::max(1, libbpf_num_possible_cpus()))),
      points_(static_cast<std::uint32_t>(
          std::min<std::size_t>(points, kLargestValue / (sizeof(CaptureCounters) * cpus_)))),
      bytes_(WholePages(sizeof(CaptureCounters) * cpus_ * points_)) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  map_.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "knetlab_counts", sizeof(std::uint32_t),
                            static_cast<std::uint32_t>(bytes_), 1, &options));
  if (!map_)
    throw ErrnoError("make map", "of counters", errno, errno == EPERM ? "it needs root, or CAP_BPF" : "");
  void* memory = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, map_.get(), 0);
  if (memory == MAP_FAILED) throw ErrnoError("map", "counters", errno);
  memory_ = static_cast<const std::byte*>(memory);
}

CounterMap::~CounterMap() {
  ::munmap(const_cast<std::byte*>(memory_), bytes_);
}

std::vector<CaptureCounters> CounterMap::Of(std::uint32_t point) const {
  const auto* first = reinterpret_cast<const CaptureCounters*>(memory_) + std::size_t{point} * cpus_;
  const auto load = [](const std::uint64_t& value) { return __atomic_load_n(&value, __ATOMIC_RELAXED); };
  std::vector<CaptureCounters> counters(cpus_);
  for (std::uint32_t cpu = 0; cpu < cpus_; ++cpu) {
    counters[cpu] = {.received = load(first[cpu].received),
                     .matched = load(first[cpu].matched),
                     .left_out = load(first[cpu].left_out),
                     .lost = load(first[cpu].lost),
                     .next = load(first[cpu].next),
                     .unsignalled = load(first[cpu].unsignalled)};
  }
  return counters;
}

}  // namespace knetlab
