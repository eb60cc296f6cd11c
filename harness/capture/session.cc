// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "harness/capture/frame_view.h"
#include "netns/error.h"
#include "netns/worker.h"

namespace knetlab {
namespace {

using std::chrono::steady_clock;

constexpr const char* kCapture = "capture";
constexpr std::uint32_t kMaxPoints = 256;
// What lies below the watermark waits at most so long.
constexpr std::chrono::milliseconds kInterval{20};
// And in our own buffer, where a file is written.
constexpr std::chrono::seconds kFlushInterval{1};
// Of the thread that drains the buffer, which takes a fifth of a CPU at 2 million packets a second.
constexpr int kPriority = -10;
// For a reader of our output that stands still when we are asked to end.
constexpr int kPatienceMs = 2000;

UniqueFd MakeMap(bpf_map_type type, const char* name, std::uint32_t key, std::uint32_t value,
                 std::uint32_t entries, int inner = -1) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  if (inner >= 0) options.inner_map_fd = static_cast<std::uint32_t>(inner);
  return UniqueFd(bpf_map_create(type, name, key, value, entries, &options));
}

// What has to be added to CLOCK_MONOTONIC to get the time of day.
std::uint64_t EpochNs() {
  const auto read = [](clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
  };
  std::uint64_t best = UINT64_MAX, offset = 0;
  for (int i = 0; i < 8; ++i) {  // the reading that was interrupted least
    const std::uint64_t before = read(CLOCK_MONOTONIC);
    const std::uint64_t day = read(CLOCK_REALTIME);
    const std::uint64_t after = read(CLOCK_MONOTONIC);
    if (after - before < best) best = after - before, offset = day - (before + (after - before) / 2);
  }
  return offset;
}

std::optional<ClassicProgram> Compile(const std::string& filter) {
  const std::size_t first = filter.find_first_not_of(" \t\n");
  if (first == std::string::npos) return std::nullopt;
  // As xdpcap takes it: a count, a comma, instructions.
  const std::size_t digits = filter.find_first_not_of("0123456789", first);
  if (digits != first && digits != std::string::npos && filter[digits] == ',') return ParseClassic(filter);
  return CompileExpression(filter);
}

bool HasLoadBytes() {
  static const bool has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, nullptr) == 1;
  return has;
}

std::optional<VerdictOption> OptionOf(const CapturePoint& point) {
  if (!point.code) return std::nullopt;
  switch (point.kind.type) {
    case BPF_PROG_TYPE_XDP:
      return VerdictOption{VerdictOption::Kind::kXdp, *point.code};
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
      return VerdictOption{VerdictOption::Kind::kTc, *point.code};
    default:
      return std::nullopt;
  }
}

}  // namespace

CaptureSession::CaptureSession(const SessionOptions& options)
    : options_(options),
      filter_(Compile(options.filter)),
      buffer_(options.buffer_kind, options.buffer),
      counters_(kMaxPoints),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!stop_event_ || !epoll_) throw ErrnoError(kCapture, options_.output, errno);
  barrier_ = MakeMap(BPF_MAP_TYPE_ARRAY_OF_MAPS, "knetlab_barrier", sizeof(std::uint32_t),
                     sizeof(std::uint32_t), 1, counters_.fd());
  if (!barrier_) throw ErrnoError("make map", "of maps", errno);
  const auto wait_on = [this](int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      throw ErrnoError("wait for", "buffer", errno);
  };
  // Edge-triggered: readable means that a program woke us, not that there is something.
  for (const int fd : buffer_.fds()) wait_on(fd, EPOLLIN | EPOLLET);
  wait_on(stop_event_.get(), EPOLLIN);
  points_.reserve(kMaxPoints);
}

CaptureSession::~CaptureSession() {
  on_stop_.reset();
  if (thread_.joinable()) {
    ::eventfd_write(stop_event_.get(), 1);
    thread_.join();
  }
  TakeAllOut();
}

void CaptureSession::Add(const CapturePoint& at) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::uint32_t>(points_.size());
  if (index == counters_.points()) throw ErrnoError(kCapture, at.hook, E2BIG, "fewer hooks in one capture");
  Code code = MakeCaptureProgram({.type = at.kind.type,
                                  .frags = at.kind.frags,
                                  .result = at.result,
                                  .point = index,
                                  .cpus = counters_.cpus(),
                                  .filter = filter_ ? &*filter_ : nullptr,
                                  .snaplen = options_.snaplen,
                                  .sample = options_.sample,
                                  .ring = buffer_.kind() == BufferKind::kRing,
                                  .load_bytes = options_.load_bytes.value_or(HasLoadBytes()),
                                  .watermark = static_cast<std::uint32_t>(
                                      std::min<std::size_t>(buffer_.bytes() / 16, std::size_t{1} << 20))});
  code.BindMap(kCaptureRing, buffer_.map_fd());
  code.BindMap(kCaptureCounters, counters_.fd());
  points_.push_back({.at = at,
                     .program = RawProgram::Load({.name = std::string(kCaptureProgramName),
                                                  .type = at.kind.type,
                                                  .expected_attach_type = at.kind.attach_type,
                                                  .has_frags = at.kind.frags,
                                                  .instructions = code.instructions})});
  if (!thread_.joinable() || closing_) return;
  OpenInterface(points_.back());
  points_.back().placement = at.put(points_.back().program);
}

void CaptureSession::OpenInterface(Point& point) {
  point.interface = writer_->AddInterface(
      {.name = fmt::format("{} {}", point.at.hook, point.at.verdict),
       .description = fmt::format("packets that end with {} at {}", point.at.verdict, point.at.hook),
       .filter = options_.filter,
       .verdict = point.at.verdict,
       .code = OptionOf(point.at)});
}

void CaptureSession::TakeAllOut() {
  for (Point& point : points_) point.placement.reset();
}

void CaptureSession::Start(std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  writer_ = std::make_unique<PcapngWriter>(
      options_.output, WriterOptions{.format = options_.format, .snaplen = options_.snaplen});
  writer_->output().LimitPatience(stop_event_.get(), kPatienceMs);
  for (Point& point : points_) OpenInterface(point);
  writer_->Flush();  // whoever reads our output sees at once that we are there
  epoch_ns_ = EpochNs();
  begin_ = flushed_ = steady_clock::now();
  try {
    for (Point& point : points_) point.placement = point.at.put(point.program);
    thread_ = StartQuietThread([this] { Follow(); });
  } catch (...) {
    TakeAllOut();
    throw;
  }
  on_stop_.emplace(std::move(stop), [event = stop_event_.get()] { ::eventfd_write(event, 1); });
}

void CaptureSession::Take(const CaptureRecord& record, std::span<const std::byte> head,
                          const std::byte* packet) {
  Point& point = points_[record.point];
  if (options_.count && taken_ == *options_.count) {
    ++point.beyond;
    return;
  }
  ++taken_;
  writer_->Append(point.interface,
                  {.time_ns = record.time_ns + epoch_ns_,
                   .wire_length = record.wire_length,
                   .head = head,
                   .bytes = {packet, record.captured},
                   .vlan_type = static_cast<std::uint16_t>(record.vlan_type << 8 | record.vlan_type >> 8),
                   .vlan_tag = record.vlan_tag});
}

void CaptureSession::TakeRecord(std::span<const std::byte> bytes) {
  CaptureRecord record{};
  if (bytes.size() < sizeof record) return;
  std::memcpy(&record, bytes.data(), sizeof record);
  bytes = bytes.subspan(sizeof record);
  if (record.point >= points_.size()) return;
  std::span<const std::byte> head;
  if (HasFrameView(points_[record.point].at.kind.type)) {
    if (bytes.size() < sizeof(CaptureHead)) return;
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + offsetof(CaptureHead, length), sizeof length);
    length = std::min<std::uint64_t>({length, CaptureHead::kMost, options_.snaplen});
    head = bytes.subspan(offsetof(CaptureHead, bytes), length);
    bytes = bytes.subspan(sizeof(CaptureHead));
  }
  const std::size_t room = std::min<std::size_t>(bytes.size(), options_.snaplen - head.size());
  record.captured = std::min(record.captured, static_cast<std::uint32_t>(room));
  Take(record, head, bytes.data());
}

// False once the capture is to end. `all`: no program runs any more.
bool CaptureSession::Drain(bool all) {
  const std::lock_guard lock(mutex_);
  buffer_.Consume([this](std::span<const std::byte> bytes) { TakeRecord(bytes); }, all);
  const auto now = steady_clock::now();
  const BlockOutput& output = writer_->output();
  if (output.pending() && (output.is_live() || now - flushed_ >= kFlushInterval)) {
    writer_->Flush();
    flushed_ = now;
  }
  if (writer_->error() != 0) {
    result_.end = CaptureEnd::kOutput;
  } else if (options_.count && taken_ == *options_.count) {
    result_.end = CaptureEnd::kCount;
  } else if (options_.duration && now - begin_ >= *options_.duration) {
    result_.end = CaptureEnd::kDuration;
  } else {
    return true;
  }
  return false;
}

void CaptureSession::Follow() {
  // On a busy machine the buffer fills while others have the CPU. Where it is not allowed we go without.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kPriority);
  try {
    while (Drain()) {
      std::array<epoll_event, 2> events{};
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     static_cast<int>(kInterval.count()));
      const auto stopped = std::find_if(events.begin(), events.begin() + std::max(count, 0),
                                        [&](const epoll_event& e) { return e.data.fd == stop_event_.get(); });
      if (count > 0 && stopped != events.begin() + count) break;
    }
    Finish();
  } catch (...) {
    failure_ = std::current_exception();
  }
  const std::lock_guard lock(end_mutex_);
  ended_ = true;
  end_changed_.notify_all();
}

void CaptureSession::Finish() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    TakeAllOut();
  }
  // Programs may still be running on other CPUs. An update of a map of maps waits for those (Linux 4.20 and
  // later), and gives us no other meaning.
  const std::uint32_t slot = 0;
  const int inner = counters_.fd();
  if (bpf_map_update_elem(barrier_.get(), &slot, &inner, BPF_ANY) != 0)
    throw ErrnoError("wait for", "capture programs", errno);
  Drain(true);
  const std::lock_guard lock(mutex_);
  result_.duration_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - begin_).count());
  const bool whole = writer_->Finish([&](std::uint32_t interface) {
    const auto point = std::find_if(points_.begin(), points_.end(),
                                    [&](const Point& one) { return one.interface == interface; });
    const PointCounts counts = CountsOf(static_cast<std::uint32_t>(point - points_.begin()));
    return InterfaceCounts{.received = counts.received,
                           .matched = counts.matched,
                           .lost = counts.lost,
                           .written = counts.written};
  });
  if (!whole) {
    result_.end = CaptureEnd::kOutput;
    result_.output_error = writer_->error();
  }
  result_.buffer_kind = buffer_.kind();
  result_.bytes = writer_->output().bytes();
  for (std::uint32_t i = 0; i < points_.size(); ++i) result_.points.push_back(CountsOf(i));
}

PointCounts CaptureSession::CountsOf(std::uint32_t index) const {
  const Point& point = points_[index];
  PointCounts counts{.hook = point.at.hook, .verdict = point.at.verdict};
  for (const CaptureCounters& cpu : counters_.Of(index)) {
    counts.received += cpu.received;
    counts.matched += cpu.matched - cpu.left_out;
    counts.left_out += cpu.left_out;
    counts.lost += cpu.lost;
  }
  counts.matched -= point.beyond;
  if (writer_ != nullptr) counts.written = writer_->written(point.interface);
  // At the end all that is not written is lost. Before, some of it is on its way.
  if (result_.duration_ns != 0) counts.lost = counts.matched - counts.written;
  return counts;
}

bool CaptureSession::AwaitEnd(std::chrono::milliseconds time) {
  std::unique_lock lock(end_mutex_);
  return end_changed_.wait_for(lock, time, [this] { return ended_; });
}

std::vector<PointCounts> CaptureSession::Counts() const {
  const std::lock_guard lock(mutex_);
  std::vector<PointCounts> counts;
  for (std::uint32_t i = 0; i < points_.size(); ++i) counts.push_back(CountsOf(i));
  return counts;
}

CaptureResult CaptureSession::Stop() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_event_.get(), 1);
    thread_.join();
  }
  if (failure_) std::rethrow_exception(failure_);
  return result_;
}

}  // namespace knetlab
