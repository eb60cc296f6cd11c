// SPDX-License-Identifier: Apache-2.0
// A capture: points of hooks, programs in them, a buffer in the kernel, one file, and counts that are exact:
// matched = written + lost, always.
//
//   CaptureSession session({.output = "out.pcapng", .filter = "udp port 53"});
//   HookMap hook = HookMap::Open("/sys/fs/bpf/hook");
//   for (const CapturePoint& point : hook.Points({})) session.Add(point);
//   session.Start(stop);
//   session.AwaitEnd();
//   CaptureResult result = session.Stop();
//
// A thread of its own drains the buffer: woken when a good part has come, and every few milliseconds for what
// is less. When the capture ends, the programs are taken out, those under way are waited for, and the
// buffer is drained to its end. Errors are thrown by the calls, those of the thread by Stop(). The calls
// belong to one thread, but Counts() may come from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "harness/capture/capture_point.h"
#include "harness/capture/capture_program.h"
#include "harness/capture/counter_map.h"
#include "harness/capture/pcapng_writer.h"
#include "harness/capture/record_buffer.h"
#include "harness/program/raw_program.h"
#include "netns/fd.h"

namespace knetlab {

struct SessionOptions {
  std::string output{};  // a file, which is made anew; "-": standard output
  CaptureFormat format = CaptureFormat::kPcapng;
  std::string
      filter{};  // a pcap-filter expression, or classic BPF as "n,code jt jf k,..."; empty: everything
  std::uint32_t snaplen = 262'144;
  std::uint32_t sample = 1;              // one in so many that match, for each verdict and CPU
  std::optional<std::uint64_t> count{};  // end with this packet, over all points
  std::optional<std::chrono::nanoseconds> duration{};
  std::optional<bool> load_bytes{};            // whether the kernel has bpf_xdp_load_bytes; else it is probed
  std::size_t buffer = std::size_t{64} << 20;  // bytes in the kernel, rounded up to a power of two
  BufferKind buffer_kind = BufferKind::kAuto;
};

struct PointCounts {
  std::string hook{}, verdict{};
  std::uint64_t received = 0;  // came to the point while the capture was on
  std::uint64_t matched = 0;  // of those, what the filter and sampling chose; with `count` up to the last one
  std::uint64_t left_out = 0;  // what the filter chose and sampling left out
  std::uint64_t written = 0;   // whole in the output
  std::uint64_t lost = 0;      // the rest: no room in the ring, or in the output
};

enum class CaptureEnd { kStopped, kCount, kDuration, kOutput };

struct CaptureResult {
  CaptureEnd end = CaptureEnd::kStopped;
  int output_error = 0;  // the errno that ended the output; 0: none
  std::vector<PointCounts> points;
  std::uint64_t bytes = 0;  // of the output
  std::uint64_t duration_ns = 0;
  BufferKind buffer_kind = BufferKind::kRing;  // which was used
};

class CaptureSession {
 public:
  // Compiles the filter and makes the buffers. Throws Error.
  explicit CaptureSession(const SessionOptions& options);
  ~CaptureSession();  // as Stop(), without the result
  CaptureSession(const CaptureSession&) = delete;
  CaptureSession& operator=(const CaptureSession&) = delete;

  // Loads the point's program; once the capture has begun, it goes into its place at once. Throws Error.
  void Add(const CapturePoint& point);
  // Opens the output and puts the programs in; `stop` ends the capture. Throws Error; then no program is in
  // any place.
  void Start(std::stop_token stop = {});
  // Until the capture has ended, or the time passed: then false.
  bool AwaitEnd(std::chrono::milliseconds time = std::chrono::hours(24 * 365));
  BufferKind buffer_kind() const { return buffer_.kind(); }
  // How it stands now. `written` and `lost` come a moment late while the capture is on.
  std::vector<PointCounts> Counts() const;
  // Ends it. Throws Error.
  CaptureResult Stop();

 private:
  struct Point {
    CapturePoint at;
    RawProgram program;
    std::unique_ptr<Placement> placement{};
    std::uint32_t interface = 0;
    std::uint64_t beyond = 0;  // captured behind the last one that was wanted
  };

  void TakeAllOut();
  void OpenInterface(Point& point);
  void Follow();
  bool Drain(bool all = false);
  void TakeRecord(std::span<const std::byte> bytes);
  void Take(const CaptureRecord& record, std::span<const std::byte> head, const std::byte* packet);
  void Finish();
  PointCounts CountsOf(std::uint32_t point) const;

  SessionOptions options_;
  std::optional<ClassicProgram> filter_;
  RecordBuffer buffer_;
  CounterMap counters_;
  UniqueFd barrier_, stop_event_, epoll_;
  std::unique_ptr<PcapngWriter> writer_;
  std::uint64_t epoch_ns_ = 0;  // of CLOCK_MONOTONIC
  std::chrono::steady_clock::time_point begin_, flushed_;
  std::uint64_t taken_ = 0;

  mutable std::mutex mutex_;  // of the points and the writer; held while an output is waited for
  std::vector<Point> points_;
  bool closing_ = false;  // the programs are out, and none goes in any more
  CaptureResult result_;
  std::exception_ptr failure_;

  std::mutex end_mutex_;
  std::condition_variable end_changed_;
  bool ended_ = false;
  std::thread thread_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace knetlab
