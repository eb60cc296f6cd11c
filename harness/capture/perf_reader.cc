// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/perf_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kLeastPages = 8;
constexpr std::size_t kTellStep = std::size_t{64} << 10;
constexpr std::uint32_t kMostWatermark = 1U << 20;
// Between a record's time and its end. Only the order in the file depends on it.
constexpr std::uint64_t kSettleNs = 2'000'000;

std::uint64_t MonotonicNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

UniqueFd OpenEvent(int cpu, std::size_t bytes) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_BPF_OUTPUT;
  attr.sample_type = PERF_SAMPLE_RAW;
  attr.sample_period = 1;
  attr.watermark = 1;
  attr.wakeup_watermark = static_cast<std::uint32_t>(std::min<std::size_t>(bytes / 4, kMostWatermark));
  return UniqueFd(static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

}  // namespace

PerfReader::Buffer::Buffer(UniqueFd its_event, std::size_t page, std::size_t bytes)
    : event(std::move(its_event)), head_bytes(page), size(bytes) {
  void* memory = ::mmap(nullptr, head_bytes + size, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
  if (memory == MAP_FAILED) return;
  page_head = static_cast<perf_event_mmap_page*>(memory);
  data = static_cast<const std::byte*>(memory) + head_bytes;
}

PerfReader::Buffer::~Buffer() {
  if (page_head != nullptr) ::munmap(page_head, head_bytes + size);
}

std::span<const std::byte> PerfReader::Buffer::At(std::uint64_t place, std::size_t length) {
  const std::size_t begin = place & (size - 1);
  if (begin + length <= size) return {data + begin, length};
  const std::size_t first = size - begin;
  joined.resize(length);
  std::memcpy(joined.data(), data + begin, first);
  std::memcpy(joined.data() + first, data, length - first);
  return joined;
}

PerfReader::PerfReader(std::size_t bytes) : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
  const int cpus = std::max(1, libbpf_num_possible_cpus());
  map_.reset(bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "knetlab_perf", sizeof(std::uint32_t),
                            sizeof(std::uint32_t), static_cast<std::uint32_t>(cpus), nullptr));
  if (!map_)
    throw ErrnoError("make map", "of perf events", errno, errno == EPERM ? "it needs root, or CAP_BPF" : "");
  const std::size_t least = kLeastPages * page_;
  bytes_each_ = std::bit_floor(std::max(bytes / static_cast<std::size_t>(cpus), least));
  for (int cpu = 0; cpu < cpus; ++cpu) {
    while (!Open(cpu)) {
      if (bytes_each_ <= least) throw ErrnoError("map", "perf buffer", EPERM, "ulimit -l is too low");
      bytes_each_ /= 2;
    }
  }
  if (buffers_.empty()) throw ErrnoError("open perf event", "of any CPU", ENODEV);
}

PerfReader::~PerfReader() = default;

// False where so much memory may not be locked.
bool PerfReader::Open(int cpu) {
  const std::string where = "of CPU " + std::to_string(cpu);
  UniqueFd event = OpenEvent(cpu, bytes_each_);
  if (!event) {
    if (errno == ENODEV) return true;  // no such CPU now; what would run there is counted as lost
    throw ErrnoError("open perf event", where, errno);
  }
  auto buffer = std::make_unique<Buffer>(std::move(event), page_, bytes_each_);
  if (buffer->page_head == nullptr) {
    if (errno == EPERM || errno == ENOMEM) return false;
    throw ErrnoError("map perf buffer", where, errno);
  }
  const int fd = buffer->event.get();
  if (bpf_map_update_elem(map_.get(), &cpu, &fd, BPF_ANY) != 0)
    throw ErrnoError("use perf buffer", where, errno);
  buffers_.push_back(std::move(buffer));
  return true;
}

std::vector<int> PerfReader::fds() const {
  std::vector<int> fds;
  fds.reserve(buffers_.size());
  for (const auto& buffer : buffers_) fds.push_back(buffer->event.get());
  return fds;
}

void PerfReader::Look(Until until) {
  // Before the ends are read: what is earlier than this, less a moment, is in the buffers by then.
  before_ns_ = until == Until::kEnd ? UINT64_MAX : MonotonicNs() - kSettleNs;
  for (const auto& buffer : buffers_) {
    buffer->end = __atomic_load_n(&buffer->page_head->data_head, __ATOMIC_ACQUIRE);
    Queue(*buffer);
  }
}

// The record at the buffer's position, if there is one that is old enough; what is no record is passed over.
void PerfReader::Queue(Buffer& buffer) {
  while (buffer.position < buffer.end) {
    perf_event_header header{};
    std::memcpy(&header, buffer.At(buffer.position, sizeof header).data(), sizeof header);
    if (header.size < sizeof header) return;  // of no kernel
    const std::span<const std::byte> body =
        buffer.At(buffer.position + sizeof header, header.size - sizeof header);
    if (header.type == PERF_RECORD_SAMPLE && body.size() >= sizeof(std::uint32_t) + sizeof(std::uint64_t)) {
      std::uint32_t length = 0;
      std::uint64_t time_ns = 0;
      std::memcpy(&length, body.data(), sizeof length);
      std::memcpy(&time_ns, body.data() + sizeof length, sizeof time_ns);
      if (time_ns >= before_ns_) return;
      buffer.record = body.subspan(sizeof length, std::min<std::size_t>(length, body.size() - sizeof length));
      buffer.step = header.size;
      next_.push({time_ns, &buffer});
      return;
    }
    if (header.type == PERF_RECORD_LOST && body.size() >= 2 * sizeof(std::uint64_t)) {
      std::uint64_t lost = 0;
      std::memcpy(&lost, body.data() + sizeof(std::uint64_t), sizeof lost);
      lost_ += lost;
    }
    buffer.position += header.size;
  }
}

void PerfReader::Step(Buffer& buffer) {
  buffer.position += buffer.step;
  if (buffer.position - buffer.told >= kTellStep)
    __atomic_store_n(&buffer.page_head->data_tail, buffer.told = buffer.position, __ATOMIC_RELEASE);
  Queue(buffer);
}

void PerfReader::TellAll() {
  for (const auto& buffer : buffers_) {
    if (buffer->told != buffer->position)
      __atomic_store_n(&buffer->page_head->data_tail, buffer->told = buffer->position, __ATOMIC_RELEASE);
  }
}

}  // namespace knetlab
