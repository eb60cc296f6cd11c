// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/live_frames.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <limits>
#include <memory>
#include <thread>

#include "harness/filter/assembler.h"
#include "harness/program/raw_program.h"
#include "netns/error.h"
#include "netns/worker.h"

namespace knetlab {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t kLiveFrames = 1U << 1;  // BPF_F_TEST_XDP_LIVE_FRAMES
constexpr std::uint32_t kBatch = 64;
constexpr std::chrono::milliseconds kLook{1};

// What lies further behind the pace is not made up for.
constexpr std::int32_t kLateNs = 2'000'000;

struct State {
  std::uint64_t sent;
  std::uint64_t next_ns;  // when the next frame is due
};

// The program's state, shared with it.
class SharedState {
 public:
  SharedState() {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = BPF_F_MMAPABLE;
    map_.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "knetlab_flood", sizeof(std::uint32_t), sizeof(State), 1,
                              &options));
    if (!map_) throw ErrnoError("make map", "of the flood program", errno);
    memory_ = ::mmap(nullptr, Size(), PROT_READ, MAP_SHARED, map_.get(), 0);
    if (memory_ == MAP_FAILED) throw ErrnoError("map", "state of the flood program", errno);
  }
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;
  ~SharedState() { ::munmap(memory_, Size()); }

  int map() const { return map_.get(); }
  std::uint64_t sent() const {
    return __atomic_load_n(&static_cast<const State*>(memory_)->sent, __ATOMIC_RELAXED);
  }

 private:
  static std::size_t Size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
  UniqueFd map_;
  void* memory_ = nullptr;
};

// Sends its frame, or drops it, which gives it back to the kernel's pool at once: so waiting is dropping. The
// next run of the program is the same frame again.
Code FloodProgram(std::uint32_t ifindex, const LiveFramesOptions& options) {
  Assembler a;
  const Label wait = a.NewLabel();
  a.MapValueAddress(R6, "state", 0);
  a.Load(Size::kDouble, R7, R6, offsetof(State, sent));
  a.Mov64(R1, options.frames);
  a.JumpIf(Cond::kGreaterEqual, R7, R1, wait);
  if (options.pps > 0) {
    const Label in_time = a.NewLabel();
    a.Call(BPF_FUNC_ktime_get_ns);
    a.Load(Size::kDouble, R8, R6, offsetof(State, next_ns));
    a.JumpIf(Cond::kLess, R0, R8, wait);
    a.Mov(R1, R8);
    a.Add(R1, kLateNs);
    a.JumpIf(Cond::kLessEqual, R0, R1, in_time);
    a.Mov(R8, R0);
    a.Bind(in_time);
    a.Mov64(R1, static_cast<std::uint64_t>(1e9 / options.pps));
    a.Add(R8, R1);
    a.Store(Size::kDouble, R6, offsetof(State, next_ns), R8);
  }
  a.Add(R7, 1);
  a.Store(Size::kDouble, R6, offsetof(State, sent), R7);
  a.Mov(R1, static_cast<std::int32_t>(ifindex));
  a.Mov(R2, 0);
  a.Call(BPF_FUNC_redirect);
  a.Exit();
  a.Bind(wait);
  a.Mov(R0, XDP_DROP);
  a.Exit();
  return a.Finish();
}

void StayOn(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

// Only a signal ends a run early, and only one that somebody handles.
int StopSignal() {
  static const int number = [] {
    const int free = SIGRTMAX - 1;
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    ::sigaction(free, &action, nullptr);
    return free;
  }();
  return number;
}

void TakeStopSignal() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, StopSignal());
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// One call for all of it: each has a fixed cost of some 20 ms, in which nothing is sent.
int RunUntilStopped(int program, std::span<const std::byte> frame) {
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.flags = kLiveFrames;
  run.batch_size = kBatch;
  run.repeat = std::numeric_limits<int>::max();
  return bpf_prog_test_run_opts(program, &run) == 0 ? 0 : errno;
}

LiveFramesReport Send(const std::string& interface, std::span<const std::byte> frame,
                      const LiveFramesOptions& options) {
  const std::uint32_t ifindex = ::if_nametoindex(interface.c_str());
  if (ifindex == 0) throw ErrnoError("send live frames out of", interface, errno);
  const SharedState state;
  Code code = FloodProgram(ifindex, options);
  code.BindMap("state", state.map());
  const RawProgram program = RawProgram::Load(
      {.name = "knetlab_flood", .type = BPF_PROG_TYPE_XDP, .instructions = code.instructions});
  std::atomic<int> result = -1;
  const auto begin = steady_clock::now();
  std::thread sender = StartQuietThread([&] {
    StayOn(options.cpu);
    TakeStopSignal();
    result = RunUntilStopped(program.fd(), frame);
  });
  while (state.sent() < options.frames && result < 0) std::this_thread::sleep_for(kLook);
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  while (result < 0) {  // again, should it come before the call
    ::pthread_kill(sender.native_handle(), StopSignal());
    std::this_thread::sleep_for(kLook);
  }
  sender.join();
  if (result != 0 && result != EINTR)
    throw ErrnoError("send live frames out of", interface, result, "they need Linux 5.18");
  return {.sent = state.sent(), .seconds = seconds};
}

}  // namespace

LiveFramesReport SendLiveFrames(const Namespace& ns, const std::string& interface,
                                std::span<const std::byte> frame, const LiveFramesOptions& options) {
  LiveFramesReport report;
  StopSignal();
  ns.Run([&] { report = Send(interface, frame, options); });  // the sending thread inherits the namespace
  return report;
}

}  // namespace knetlab
