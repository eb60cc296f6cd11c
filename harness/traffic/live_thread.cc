// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/live_thread.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "bpf/live_frames.skel.h"
#include "harness/traffic/punctual.h"
#include "netns/error.h"
#include "netns/worker.h"

namespace knetlab {
namespace {

constexpr const char* kLoadGenerator = "load the lab's own program";
constexpr const char* kObject = "live_frames.bpf.o";

// The kernel looks for signals between two batches, and nothing else ends a call. One that nobody uses gets a
// handler that does nothing, once in the process; it is blocked in all threads but those that run a call.
int EndingSignal() {
  static const int signal = [] {
    for (int candidate = SIGRTMAX - 1; candidate > SIGRTMIN; candidate--) {
      struct sigaction now {};
      if (::sigaction(candidate, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0 ||
          now.sa_handler != SIG_DFL)
        continue;
      struct sigaction ours {};
      ours.sa_handler = [](int) {};
      ::sigemptyset(&ours.sa_mask);
      if (::sigaction(candidate, &ours, nullptr) == 0) return candidate;
    }
    return 0;
  }();
  if (signal == 0) {
    throw Error({.what = "send live frames",
                 .where = "",
                 .why = "the program uses all real-time signals",
                 .hint = "",
                 .detail = "",
                 .code = EBUSY});
  }
  return signal;
}

}  // namespace

void LiveThread::Deleter::operator()(live_frames_bpf* skeleton) const {
  live_frames_bpf__destroy(skeleton);
}

void LiveThread::RingDeleter::operator()(::ring_buffer* ring) const {
  ring_buffer__free(ring);
}

LiveThread::LiveThread(std::uint32_t slabs)
    : slabs_(slabs), skeleton_(live_frames_bpf__open()), finished_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!skeleton_) throw ErrnoError(kLoadGenerator, kObject, errno);
  if (!finished_) throw ErrnoError("create", "eventfd", errno);
  bpf_map__set_max_entries(skeleton_->maps.slabs, slabs);
  if (const int error = live_frames_bpf__load(skeleton_.get()); error != 0) {
    throw ErrnoError(kLoadGenerator, kObject, -error,
                     error == -ENOMEM ? "the packets do not fit the memory" : "see knetlab doctor");
  }
  ring_.reset(ring_buffer__new(
      bpf_map__fd(skeleton_->maps.events), [](void*, void*, std::size_t) { return 0; }, nullptr, nullptr));
  if (!ring_) throw ErrnoError(kLoadGenerator, kObject, errno);
}

LiveThread::~LiveThread() {
  End();
}

void LiveThread::End() noexcept {
  if (!thread_.joinable()) return;
  pollfd finished{.fd = finished_.get(), .events = POLLIN, .revents = 0};
  do {
    Interrupt();
  } while (::poll(&finished, 1, kInterruptAgainMs) <= 0);
  Reap();
}

void LiveThread::Reap() noexcept {
  thread_.join();
  Detach();
  std::uint64_t count = 0;
  if (::read(finished_.get(), &count, sizeof(count)) < 0) count = 0;  // only to be unreadable from now on
}

volatile live_state& LiveThread::state() {
  return skeleton_->bss->state;
}

const volatile live_state& LiveThread::state() const {
  return skeleton_->bss->state;
}

void LiveThread::SetState(const live_state& fresh) {
  std::memcpy(&skeleton_->bss->state, &fresh, sizeof(fresh));
}

void LiveThread::WriteSlab(std::uint32_t key, std::span<const std::byte> slab) {
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.slabs), &key, slab.data(), BPF_ANY) != 0)
    throw ErrnoError("write packets to", "the generator's map", errno);
}

int LiveThread::events_fd() const {
  return ring_buffer__epoll_fd(ring_.get());
}

void LiveThread::TakeEvents() {
  ring_buffer__consume(ring_.get());
}

// What became of the frames is told by tracepoints. They are attached for the run only: they cost all others
// who redirect.
void LiveThread::Attach() {
  skeleton_->links.knetlab_live_sent = bpf_program__attach(skeleton_->progs.knetlab_live_sent);
  if (skeleton_->links.knetlab_live_sent == nullptr)
    throw ErrnoError("attach the lab's own program to", "xdp:xdp_devmap_xmit", errno);
  skeleton_->links.knetlab_live_refused = bpf_program__attach(skeleton_->progs.knetlab_live_refused);
  if (skeleton_->links.knetlab_live_refused == nullptr) {
    const int error = errno;
    Detach();
    throw ErrnoError("attach the lab's own program to", "xdp:xdp_redirect_err", error);
  }
  if (state().wait == 0) return;
  skeleton_->links.knetlab_live_polled = bpf_program__attach(skeleton_->progs.knetlab_live_polled);
  if (skeleton_->links.knetlab_live_polled == nullptr) {
    const int error = errno;
    Detach();
    throw ErrnoError("attach the lab's own program to", "napi:napi_poll", error);
  }
}

void LiveThread::Detach() noexcept {
  auto& links = skeleton_->links;
  for (bpf_link** link :
       {&links.knetlab_live_sent, &links.knetlab_live_refused, &links.knetlab_live_polled}) {
    bpf_link__destroy(*link);
    *link = nullptr;
  }
}

void LiveThread::Start(const Run& run) {
  state().signal = static_cast<std::uint32_t>(EndingSignal());
  Attach();
  error_ = 0;
  where_ = run.where;
  thread_ = StartQuietThread([this, run] {
    Body(run);
    ::eventfd_write(finished_.get(), 1);
  });
}

void LiveThread::Body(const Run& run) {
  if (::setns(run.namespace_fd, CLONE_NEWNET) != 0) {
    error_ = errno;
    return;
  }
  if (run.cpu >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(run.cpu), &one);
    ::sched_setaffinity(0, sizeof(one), &one);  // where that is not allowed any more, anywhere
  }
  if (run.punctual) RunBeforeOthers(::gettid(), run.real_time);
  state().thread = static_cast<std::uint32_t>(::gettid());
  std::vector<std::byte> frame(run.frame);
  xdp_md context{};
  context.data_end = run.frame;
  context.ingress_ifindex = static_cast<std::uint32_t>(run.ifindex);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = run.frame,
              .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = static_cast<int>(run.repeat),
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = run.batch);
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, EndingSignal());
  ::pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.knetlab_live), &options) != 0) error_ = errno;
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
}

void LiveThread::Hurry() {
  const auto thread = static_cast<pid_t>(state().thread);
  if (thread_.joinable() && thread != 0) RunBeforeOthers(thread, true);
}

void LiveThread::Interrupt() {
  if (!thread_.joinable()) return;
  state().stop = 1;
  ::pthread_kill(thread_.native_handle(), EndingSignal());
}

void LiveThread::Join() {
  Reap();
  if (error_ != 0 && error_ != EINTR) throw ErrnoError("send live frames from", where_, error_);
}

}  // namespace knetlab
