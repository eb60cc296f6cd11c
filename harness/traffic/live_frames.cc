// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/live_frames.h"

#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "harness/traffic/live_slabs.h"
#include "harness/traffic/live_thread.h"
#include "harness/traffic/pace_schedule.h"
#include "harness/traffic/punctual.h"
#include "harness/traffic/stoppable_wait.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kSendLiveFrames = "send live frames";
constexpr std::uint32_t kStreamSlabs = 64;
// As many as one call's counter holds; a wait that is longer than so many runs goes on in the next call.
constexpr auto kEndless = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
constexpr std::uint32_t kBatch = 64;        // as a NAPI poll has
constexpr double kBatchNs = 5'000;          // frames go out at a batch's end: none waits longer for that
constexpr double kFraction = 4294967296.0;  // 2^-32 ns are the unit of live_state's gaps
constexpr double kSlowestPps = 0.25;
constexpr double kSlowestMbps = 0.01;

Error LiveError(std::string where, std::string why, std::string hint = "") {
  return Error({.what = kSendLiveFrames,
                .where = std::move(where),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = ""});
}

bool ByTimes(const Pace& pace) {
  return pace.kind == Pace::Kind::kOriginal || pace.kind == Pace::Kind::kMultiplier;
}

std::uint64_t Scaled(const Pace& pace, std::uint64_t ns) {
  if (pace.kind != Pace::Kind::kMultiplier) return ns;
  constexpr long double kNever = 9e18L;
  return static_cast<std::uint64_t>(std::min(static_cast<long double>(ns) / pace.value, kNever));
}

std::uint32_t BatchFor(const Pace& pace, const FeedSummary& summary) {
  const double gap = MeanGapNs(pace, summary);
  if (pace.kind == Pace::Kind::kMax) return kBatch;
  return static_cast<std::uint32_t>(std::clamp(kBatchNs / std::max(gap, 1.0), 1.0, double{kBatch}));
}

std::string ErrnoName(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

// Several threads each have one of their own, if there are so many.
std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

int IfindexIn(const Namespace& ns, const std::string& interface) {
  return ns.Run([&] {
    const unsigned int ifindex = ::if_nametoindex(interface.c_str());
    if (ifindex == 0) throw ErrnoError(kSendLiveFrames, fmt::format("{}:{}", ns.label(), interface), errno);
    return static_cast<int>(ifindex);
  });
}

// Packets as they are to be sent, with their times.
class Prepared {
 public:
  Prepared(PacketFeed& feed, const LiveFramesOptions& options) : feed_(feed), options_(options) {}

  const Packet* Next() {
    const Packet* packet = feed_.Next();
    if (packet == nullptr) return nullptr;
    due_ns_ = ByTimes(options_.pace) ? Scaled(options_.pace, clock_.OffsetNs(packet->time_ns)) : 0;
    if (options_.rewrite.empty()) return packet;
    rewritten_ = *packet;
    ApplyRewrite(options_.rewrite, rewritten_);
    return &rewritten_;
  }
  std::uint64_t due_ns() const { return due_ns_; }
  void Rewind() {
    feed_.Rewind();
    clock_ = {};
  }

 private:
  PacketFeed& feed_;
  const LiveFramesOptions& options_;
  CaptureClock clock_;
  std::uint64_t due_ns_ = 0;
  Packet rewritten_;
};

}  // namespace

// Keeps a thread's slabs full from the feed while it sends them.
class LiveFrames::Refill {
 public:
  Refill(LiveFrames& all, LiveThread& thread)
      : all_(all), thread_(thread), packets_(all.feed_, all.options_), left_(all.total_) {
    packets_.Rewind();
  }

  // As many slabs as there is room for.
  void Run() {
    const std::uint64_t read = thread_.state().slab;
    while (left_ > 0 && written_ < read + thread_.slabs()) {
      FillSlab();
      thread_.WriteSlab(static_cast<std::uint32_t>(written_ % thread_.slabs()), slab_.Finish());
      written_++;
      __atomic_store_n(&thread_.state().published, written_, __ATOMIC_RELEASE);
    }
  }

 private:
  void FillSlab() {
    slab_.Clear();
    while (left_ > 0 && slab_.HasRoom()) {
      const Packet* packet = packets_.Next();
      if (packet == nullptr) {
        if (at_beginning_) throw LiveError(all_.feed_.name(), "has no packets any more");
        packets_.Rewind();
        at_beginning_ = true;
        base_ns_ += Scaled(all_.options_.pace, all_.summary_.duration_ns);
        continue;
      }
      if (packet->bytes.size() > all_.summary_.longest)
        throw LiveError(all_.feed_.name(), "it changed while it was being sent");
      at_beginning_ = false;
      slab_.Add(packet->bytes, base_ns_ + packets_.due_ns());
      left_--;
    }
  }

  LiveFrames& all_;
  LiveThread& thread_;
  Prepared packets_;
  SlabWriter slab_;
  std::uint64_t left_;
  std::uint64_t written_ = 0;
  std::uint64_t base_ns_ = 0;
  bool at_beginning_ = true;
};

// One Send(): starts the threads, waits for what ends them, and adds up.
class LiveFrames::Sending {
 public:
  Sending(LiveFrames& all, const SendContext& context)
      : all_(all), context_(context), stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_event_) throw ErrnoError("create", "eventfd", errno);
    if (context.observer != nullptr) {
      throw LiveError(fmt::format("{}:{}", context.ns->label(), context.interface),
                      "a ledger does not know frames without a socket",
                      "AF_PACKET sends what a ledger follows");
    }
    run_.namespace_fd = context.ns->fd();
    run_.ifindex = IfindexIn(*context.ns, context.interface);
    run_.where = fmt::format("{}:{}", context.ns->label(), context.interface);
    run_.frame = static_cast<std::uint32_t>(all.summary_.commonest);
    run_.batch = BatchFor(all.options_.pace, all.summary_);
    run_.punctual = all.options_.pace.kind != Pace::Kind::kMax;
    const std::uint64_t calm_ns =
        RealTimeAfterNs(MeanGapNs(all.options_.pace, all.summary_) * static_cast<double>(all.total_));
    run_.real_time = calm_ns == 0;
    if (run_.punctual && calm_ns > 0) hurry_ns_ = MonotonicNs() + calm_ns;
    run_.repeat = kEndless;
    if (all.threads_.size() > 1) cpus_ = AllowedCpus();
  }

  ~Sending() {  // where an error ended it
    for (const auto& thread : all_.threads_) thread->End();
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  TrafficReport Run() {
    TrafficReport report;
    report.method = "live-frames";
    if (context_.stop.stop_requested()) return report;
    for (std::size_t i = 0; i < all_.threads_.size(); i++) Prepare(i);
    if (all_.streams_) {
      refill_.emplace(all_, *all_.threads_.front());
      refill_->Run();
    }
    const std::stop_callback on_stop(context_.stop, [fd = stop_event_.get()] { ::eventfd_write(fd, 1); });
    for (std::size_t i = 0; i < all_.threads_.size(); i++) Start(i);
    while (running_ > 0) Wait();
    return Sum(std::move(report));
  }

 private:
  void Prepare(std::size_t index) {
    LiveThread& thread = *all_.threads_[index];
    const Pace& pace = all_.options_.pace;
    live_state fresh{};
    fresh.total = TotalOf(index);
    fresh.slabs = all_.streams_ ? thread.slabs() : all_.slabs_used_[index];
    fresh.published = all_.streams_ ? 0 : std::numeric_limits<std::uint64_t>::max();
    fresh.ifindex = static_cast<std::uint32_t>(run_.ifindex);
    fresh.notify = all_.streams_ ? 1 : 0;
    fresh.wait = all_.threads_.size() == 1 ? 1 : 0;
    fresh.limit = LIVE_RING_SHARE;
    if (ByTimes(pace)) fresh.pace = LIVE_DUE;
    if (ByTimes(pace) && !all_.streams_) fresh.round_ns = Scaled(pace, all_.summary_.duration_ns);
    if (pace.kind == Pace::Kind::kPps || pace.kind == Pace::Kind::kMbps) fresh.pace = LIVE_RATE;
    if (pace.kind == Pace::Kind::kPps)
      fresh.gap_fp = static_cast<std::uint64_t>(1e9 / pace.value * kFraction);
    if (pace.kind == Pace::Kind::kMbps)
      fresh.byte_fp = static_cast<std::uint64_t>(8e3 / pace.value * kFraction);
    thread.SetState(fresh);
    thread.TakeEvents();
  }

  // Of all rounds and the beginning of a last one.
  std::uint64_t TotalOf(std::size_t index) const {
    if (all_.streams_) return all_.total_;
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < index; i++) before += all_.shares_[i];
    const std::uint64_t share = all_.shares_[index], last = all_.total_ % all_.summary_.packets;
    return all_.total_ / all_.summary_.packets * share + (last > before ? std::min(last - before, share) : 0);
  }

  void Start(std::size_t index) {
    LiveThread& thread = *all_.threads_[index];
    const std::uint64_t left = thread.state().total - thread.state().offered;
    if (left == 0) return;
    LiveThread::Run run = run_;
    if (!cpus_.empty()) run.cpu = cpus_[index % cpus_.size()];
    thread.Start(run);
    running_++;
  }

  bool Done(std::size_t index) const {
    const volatile live_state& state = all_.threads_[index]->state();
    return state.offered >= state.total;
  }

  // Until a thread has ended, told of something, or the stop came.
  void Wait() {
    bool ending = ended_ns_ != 0;
    std::vector<pollfd> events;
    for (std::size_t i = 0; i < all_.threads_.size(); i++) {
      const LiveThread& thread = *all_.threads_[i];
      ending |= thread.running() && Done(i);
      events.push_back({.fd = thread.running() ? thread.finished_fd() : -1, .events = POLLIN, .revents = 0});
      events.push_back({.fd = thread.running() ? thread.events_fd() : -1, .events = POLLIN, .revents = 0});
    }
    if (ended_ns_ == 0) events.push_back({.fd = stop_event_.get(), .events = POLLIN, .revents = 0});
    int patience_ms = ending ? LiveThread::kInterruptAgainMs : -1;
    if (hurry_ns_ > 0 && !ending) {
      const std::uint64_t now = MonotonicNs();
      patience_ms = hurry_ns_ > now ? static_cast<int>((hurry_ns_ - now) / 1'000'000) + 1 : 0;
    }
    if (::poll(events.data(), events.size(), patience_ms) < 0 && errno != EINTR)
      throw ErrnoError("wait for", "the generator", errno);
    if (hurry_ns_ > 0 && MonotonicNs() >= hurry_ns_) {
      for (const auto& thread : all_.threads_) thread->Hurry();
      hurry_ns_ = 0;
    }
    if (context_.stop.stop_requested() && ended_ns_ == 0) {
      for (const auto& thread : all_.threads_) thread->state().stop = 1;
      ended_ns_ = MonotonicNs();
    }
    for (std::size_t i = 0; i < all_.threads_.size(); i++) Attend(i, events[2 * i].revents != 0);
  }

  void Attend(std::size_t index, bool finished) {
    LiveThread& thread = *all_.threads_[index];
    if (!thread.running()) return;
    thread.TakeEvents();
    if (finished) {
      thread.Join();
      running_--;
      if (ended_ns_ == 0 && !Done(index)) Start(index);  // the call's counter was used up
    } else if (ended_ns_ != 0 || Done(index)) {
      thread.Interrupt();
    } else if (refill_) {
      refill_->Run();
    }
  }

  // At a rate the last packet's time is over when the next would be due.
  static std::uint64_t LastNs(const volatile live_state& state) {
    const std::uint64_t last = state.last_ns, next = state.first_ns + state.due_ns;
    return state.pace == LIVE_RATE ? std::max(last, next) : last;
  }

  static void AddLosses(const volatile live_state& state, TrafficReport& report) {
    const auto add = [&](std::string reason, std::uint64_t count) {
      if (count > 0) report.lost.push_back({std::move(reason), count});
    };
    const std::uint64_t told = state.taken + state.dropped + state.refused + state.unfit;
    add(state.drop_error != 0 ? ErrnoName(state.drop_error) : "FULL_RING", state.dropped);
    add(ErrnoName(state.refuse_error), state.refused);
    add("NO_ROOM_IN_FRAME", state.unfit);
    add("not told by the kernel", state.offered - std::min<std::uint64_t>(state.offered, told));
  }

  TrafficReport Sum(TrafficReport report) const {
    std::uint64_t first = std::numeric_limits<std::uint64_t>::max(), last = 0, offered_bytes = 0;
    for (std::size_t i = 0; i < all_.threads_.size(); i++) {
      const volatile live_state& state = all_.threads_[i]->state();
      if (state.offered == 0) continue;
      report.attempted += state.offered;
      report.packets += state.taken;
      offered_bytes += state.bytes;
      first = std::min<std::uint64_t>(first, state.first_ns);
      last = std::max<std::uint64_t>(last, Done(i) ? LastNs(state) : ended_ns_);
      AddLosses(state, report);
    }
    report.unsent = report.attempted - std::min(report.attempted, report.packets);
    // Which frames a device left is not known; they are taken for average ones.
    report.bytes = report.unsent == 0 ? offered_bytes
                                      : static_cast<std::uint64_t>(static_cast<double>(offered_bytes) *
                                                                   static_cast<double>(report.packets) /
                                                                   static_cast<double>(report.attempted));
    report.duration_ns = last > first ? last - first : 0;
    return report;
  }

  LiveFrames& all_;
  const SendContext& context_;
  UniqueFd stop_event_;
  LiveThread::Run run_;
  std::vector<int> cpus_;  // where several threads run; their frames go to the queues of these
  std::optional<Refill> refill_;
  std::size_t running_ = 0;
  std::uint64_t hurry_ns_ = 0;  // when the thread is to have real-time priority; 0: it has, or will not
  std::uint64_t ended_ns_ = 0;  // when it was stopped early
};

LiveFrames::LiveFrames(PacketFeed& feed, const LiveFramesOptions& options)
    : feed_(feed), options_(options), summary_(Summarise(feed)) {
  if (options.loops == 0) throw LiveError(feed.name(), "no loops to send");
  if (__builtin_mul_overflow(options.loops, summary_.packets, &total_))
    throw LiveError(feed.name(), "too many loops");
  if (options.count > 0) total_ = std::min(total_, options.count);
  if (summary_.longest > LIVE_MOST_FRAME) {
    throw LiveError(feed.name(),
                    fmt::format("packet {} has {} bytes, more than a live frame can have",
                                summary_.longest_at, summary_.longest),
                    "AF_PACKET sends it: --method af-packet");
  }
  if ((options.pace.kind == Pace::Kind::kPps && options.pace.value < kSlowestPps) ||
      (options.pace.kind == Pace::Kind::kMbps && options.pace.value < kSlowestMbps)) {
    throw LiveError(feed.name(), fmt::format("slower than {} pps or {} mbps", kSlowestPps, kSlowestMbps),
                    "AF_PACKET keeps such a pace: --method af-packet");
  }
  const std::uint64_t slabs = SlabsFor(summary_);
  streams_ = slabs * LIVE_SLAB >
             std::max<std::uint64_t>(options.max_memory, std::uint64_t{kStreamSlabs} * LIVE_SLAB);
  if (options.threads == 0) throw LiveError(feed.name(), "no threads to send with");
  if (options.threads > 1 && (streams_ || options.pace.kind != Pace::Kind::kMax)) {
    throw LiveError(feed.name(), fmt::format("several threads send {}",
                                             streams_ ? "only what fits the memory" : "at pace max only"));
  }
  if (streams_) {
    threads_.push_back(std::make_unique<LiveThread>(kStreamSlabs));
    return;
  }
  // One slab more for what is over when a thread has its share.
  const auto each = static_cast<std::uint32_t>(slabs / options.threads + (options.threads > 1 ? 2 : 0));
  for (std::uint32_t i = 0; i < options.threads; i++)
    threads_.push_back(std::make_unique<LiveThread>(std::max<std::uint32_t>(each, 1)));
  Fill();
}

LiveFrames::~LiveFrames() = default;

// Each thread gets its part of a round by bytes, so that they are done at about the same time.
void LiveFrames::Fill() {
  Prepared packets(feed_, options_);
  SlabWriter slab;
  std::size_t index = 0;
  std::uint64_t bytes = 0;
  shares_.assign(threads_.size(), 0);
  slabs_used_.assign(threads_.size(), 0);
  const auto flush = [&] {
    if (slab.empty()) return;
    threads_[index]->WriteSlab(slabs_used_[index]++, slab.Finish());
    slab.Clear();
  };
  std::uint64_t seen = 0;
  while (const Packet* packet = packets.Next()) {
    if (++seen > summary_.packets || packet->bytes.size() > summary_.longest)
      throw LiveError(feed_.name(), "it changed while it was being read");
    if (bytes > summary_.bytes / threads_.size() * (index + 1) && index + 1 < threads_.size()) {
      flush();
      index++;
    }
    if (!slab.HasRoom()) flush();
    slab.Add(packet->bytes, packets.due_ns());
    bytes += packet->bytes.size();
    shares_[index]++;
  }
  flush();
  if (seen != summary_.packets) throw LiveError(feed_.name(), "it changed while it was being read");
  packets.Rewind();
}

TrafficReport LiveFrames::Send(const SendContext& context) {
  return Sending(*this, context).Run();
}

}  // namespace knetlab
