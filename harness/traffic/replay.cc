// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/replay.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include "harness/traffic/pace_schedule.h"
#include "harness/traffic/packet_socket.h"
#include "harness/traffic/stoppable_wait.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// No signal ends a system call of this thread: a sendmmsg(2) that one cuts short looks like a refusal.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// Sleeps of this thread end when they should and not, as is usual, up to 50 us later.
class ExactTimers {
 public:
  ExactTimers() : before_(::prctl(PR_GET_TIMERSLACK)) { ::prctl(PR_SET_TIMERSLACK, 1UL); }
  ~ExactTimers() {
    if (before_ > 0) ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(before_));
  }
  ExactTimers(const ExactTimers&) = delete;
  ExactTimers& operator=(const ExactTimers&) = delete;

 private:
  int before_;
};

class Sender {
 public:
  Sender(const std::vector<Packet>& packets, std::uint64_t total, const ReplayOptions& options,
         const SendContext& context)
      : packets_(packets),
        total_(total),
        options_(options),
        context_(context),
        schedule_(options.pace, packets),
        wait_(context.stop),
        socket_({.interface = context.interface,
                 .where = fmt::format("{}:{}", context.ns->label(), context.interface),
                 .max_batch = options.batch,
                 .qdisc_bypass = options.qdisc_bypass}) {
    report_.method = "af-packet";
    frames_.reserve(options.batch);
  }

  TrafficReport Run() {
    const SignalsBlocked no_signals;
    const ExactTimers exact_timers;
    if (context_.observer != nullptr) context_.observer->OnSocket(socket_.cookie(), socket_.ifindex());
    start_ns_ = MonotonicNs();
    while (report_.attempted < total_ && wait_.Until(DueNs(report_.attempted))) {
      CollectFrames();
      // A batch is not offered before there is room for it, so that it does not wait inside the kernel, deaf
      // to the stop.
      if (frames_.size() > 1 && !wait_.Writable(socket_.fd())) break;
      if (context_.observer != nullptr) {
        context_.observer->OnBatch(context_.first_index + report_.attempted,
                                   static_cast<std::uint32_t>(frames_.size()));
      }
      const PacketSocket::Outcome outcome = socket_.Send(frames_, wait_);
      if (outcome.stopped) break;
      Account(outcome);
    }
    report_.duration_ns = report_.attempted == 0 ? 0 : DurationNs();
    return std::move(report_);
  }

 private:
  // At a rate until the end of the last packet's time, as source.h says.
  std::uint64_t DurationNs() const {
    const std::uint64_t passed = MonotonicNs() - start_ns_;
    const bool rate = options_.pace.kind == Pace::Kind::kPps || options_.pace.kind == Pace::Kind::kMbps;
    return rate && report_.attempted == total_ ? std::max(passed, schedule_.OffsetNs(total_)) : passed;
  }
  std::uint64_t DueNs(std::uint64_t index) const {
    return schedule_.immediate() ? 0 : start_ns_ + schedule_.OffsetNs(index);
  }

  // The frames of the next system call: those that are due by now. Frames that the kernel may refuse go
  // alone, because only then it says why: those above the MTU, and after a refusal all until one is taken
  // again.
  void CollectFrames() {
    frames_.clear();
    const std::uint64_t now = schedule_.immediate() ? 0 : MonotonicNs();
    for (std::uint64_t index = report_.attempted; index < total_ && frames_.size() < options_.batch;
         ++index) {
      const std::span<const std::byte> frame = packets_[index % packets_.size()].bytes;
      const bool alone = after_refusal_ || socket_.MayExceedMtu(frame.size());
      if (!frames_.empty() && (alone || DueNs(index) > now)) return;
      frames_.push_back(frame);
      if (alone) return;
    }
  }

  void Account(const PacketSocket::Outcome& outcome) {
    for (std::uint32_t i = 0; i < outcome.taken; ++i) report_.bytes += frames_[i].size();
    report_.packets += outcome.taken;
    report_.attempted += outcome.taken;
    after_refusal_ = outcome.error != 0;
    if (!after_refusal_) return;
    report_.refusals.push_back({.index = context_.first_index + report_.attempted, .error = outcome.error});
    ++report_.attempted;
  }

  const std::vector<Packet>& packets_;
  const std::uint64_t total_;
  const ReplayOptions& options_;
  const SendContext& context_;
  PaceSchedule schedule_;
  StoppableWait wait_;
  PacketSocket socket_;
  std::vector<std::span<const std::byte>> frames_;
  bool after_refusal_ = false;
  std::uint64_t start_ns_ = 0;
  TrafficReport report_;
};

Error ReplayError(std::string where, std::string why) {
  return Error(
      {.what = "replay", .where = std::move(where), .why = std::move(why), .hint = "", .detail = ""});
}

}  // namespace

Replay::Replay(Capture capture, const ReplayOptions& options)
    : packets_(std::move(capture.packets)), options_(options) {
  if (options_.loops == 0) throw ReplayError(capture.path, "no loops to send");
  if (options_.batch == 0) throw ReplayError(capture.path, "a batch of no packets");
  if (__builtin_mul_overflow(options_.loops, packets_.size(), &total_))
    throw ReplayError(capture.path, "too many loops");
  if (options_.count > 0) total_ = std::min(total_, options_.count);
  // The kernel cuts longer batches without a word (sendmmsg(2)), which would look like a refusal.
  options_.batch = std::min<std::uint32_t>(options_.batch, UIO_MAXIOV);
  if (options_.rewrite.empty()) return;
  for (Packet& packet : packets_) ApplyRewrite(options_.rewrite, packet);
}

std::uint64_t Replay::total() const {
  return total_;
}

TrafficReport Replay::Send(const SendContext& context) {
  return context.ns->Run([&] { return Sender(packets_, total(), options_, context).Run(); });
}

}  // namespace knetlab
