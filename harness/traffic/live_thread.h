// SPDX-License-Identifier: Apache-2.0
// One thread that runs the generator (bpf/harness/live_frames.bpf.c) with live frames, and the slabs that it
// sends. All but Start() and what runs then is done by the thread that owns this.
//
//   LiveThread thread(slabs);              // loads the program
//   thread.WriteSlab(0, bytes);
//   thread.state().total = ...;
//   thread.Start({...});                   // one call of BPF_PROG_TEST_RUN
//   poll(thread.events_fd(), thread.finished_fd());
//   thread.Interrupt();                    // until it has finished
//   thread.Join();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "bpf/include/live_frames_abi.h"
#include "netns/fd.h"

struct live_frames_bpf;
struct ring_buffer;

namespace knetlab {

class LiveThread {
 public:
  static constexpr int kInterruptAgainMs = 1;

  struct Run {
    int namespace_fd = -1;  // of the namespace that has the interface
    int ifindex = 0;
    std::string where;         // "client:eth0", for errors
    std::uint32_t frame = 64;  // bytes of a frame that need no change of its length
    std::uint32_t repeat = 1;  // runs of the program: one a packet, or more where it waits
    std::uint32_t batch = 64;  // runs between two looks at what else the kernel has to do
    bool punctual = false;     // before others on its CPU
    bool real_time = false;    // and that with real-time priority from the beginning
    int cpu = -1;              // runs there; -1: anywhere
  };

  // Throws Error: no memory for the slabs, no XDP generator in this kernel.
  explicit LiveThread(std::uint32_t slabs);
  ~LiveThread();  // Interrupts and joins.
  LiveThread(const LiveThread&) = delete;
  LiveThread& operator=(const LiveThread&) = delete;

  // What the program is told and tells (live_frames_abi.h), in memory that both share.
  volatile live_state& state();
  const volatile live_state& state() const;
  void SetState(const live_state& fresh);  // between two calls
  std::uint32_t slabs() const { return slabs_; }
  // LIVE_SLAB bytes.
  void WriteSlab(std::uint32_t key, std::span<const std::byte> slab);

  // Begins a call; the one before must have been joined. Throws Error.
  void Start(const Run& run);
  bool running() const { return thread_.joinable(); }  // until Join()
  int finished_fd() const { return finished_.get(); }  // readable once the call has ended
  int events_fd() const;                               // readable once the program has told of something
  void TakeEvents();
  // Real-time priority for the running call.
  void Hurry();
  // Ends the call, which may have to be said more than once: a signal that comes just before it is lost.
  void Interrupt();
  // Interrupts the call, if there is one, and joins it.
  void End() noexcept;
  // Waits for the end. Throws Error of a call that failed, not of one that was interrupted.
  void Join();

 private:
  struct Deleter {
    void operator()(live_frames_bpf* skeleton) const;
  };
  struct RingDeleter {
    void operator()(::ring_buffer* ring) const;
  };
  void Attach();
  void Detach() noexcept;
  void Body(const Run& run);
  void Reap() noexcept;

  std::uint32_t slabs_;
  std::unique_ptr<live_frames_bpf, Deleter> skeleton_;
  std::unique_ptr<::ring_buffer, RingDeleter> ring_;
  UniqueFd finished_;
  std::thread thread_;
  std::string where_;
  int error_ = 0;  // errno of the call; written before finished_
};

}  // namespace knetlab
