// SPDX-License-Identifier: Apache-2.0
// The program that captures at one point: of one hook, the packets of one verdict. It counts what comes,
// asks the filter, takes one in N, and copies the packet with its time into a ring buffer. It returns the
// point's verdict, which is what the hook would have returned without it.
//
//   Code code = MakeCaptureProgram({.type = BPF_PROG_TYPE_XDP, .result = XDP_DROP, .point = 1, .filter =
//   &udp}); code.BindMap(kCaptureRing, ring_fd); code.BindMap(kCaptureCounters, counters_fd);
//
// Socket filters and cgroup_skb programs are given a packet without some of its headers: their captures have
// the whole frame (frame_view.h).
//
// Where there is no ring buffer (before Linux 5.8) packets go out through perf buffers, of which a record
// holds less than 64 KiB. Into a ring buffer, XDP before 5.18, which has no bpf_xdp_load_bytes, copies by
// itself what lies between data and data_end, 4096 bytes at most.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <string_view>

#include "harness/filter/assembler.h"
#include "harness/filter/classic.h"

namespace knetlab {

// BPF_MAP_TYPE_RINGBUF, or BPF_MAP_TYPE_PERF_EVENT_ARRAY with an entry for each CPU.
inline constexpr std::string_view kCaptureRing = "ring";
// What a perf buffer's record holds of a packet.
inline constexpr std::uint32_t kMostInPerfRecord = 0xff00;
// BPF_MAP_TYPE_ARRAY of one value: CaptureCounters[points][cpus]. Not a per-CPU map: the address is a
// constant and the CPU's number, which is the cheapest way to a counter.
inline constexpr std::string_view kCaptureCounters = "counters";

// Of a point on a CPU. Exact: a program of XDP and TC is not interrupted by another run of itself on
// its CPU, other types count atomically.
struct alignas(64) CaptureCounters {  // a cache line for each CPU
  std::uint64_t received;             // packets that came to the point
  std::uint64_t matched;              // of those, what the filter let through
  std::uint64_t left_out;             // of those, what sampling left out
  std::uint64_t lost;                 // of the rest, what the ring buffer had no room for
  std::uint64_t next;                 // how many sampling still leaves out
  std::uint64_t unsignalled;          // bytes since the reader was woken
};

// A record; the packet follows it, of types with a frame view behind a CaptureHead. Records are rounded up to
// a class of lengths, `captured` says how much is the packet's, without its head.
struct CaptureRecord {
  std::uint64_t time_ns;  // CLOCK_MONOTONIC
  std::uint32_t wire_length;
  std::uint32_t captured;
  std::uint32_t point;
  std::uint16_t vlan_type;  // TC: the tag that the kernel keeps beside the packet, network order; 0: none
  std::uint16_t vlan_tag;   // CPU's order
};

struct CaptureProgramSpec {
  bpf_prog_type type = BPF_PROG_TYPE_XDP;  // any that is instrumented
  bool frags = false;                      // XDP: multi-buffer packets come, too
  std::int32_t result = 0;
  std::uint32_t point = 0;
  std::uint32_t cpus = 1;                  // possible ones
  const ClassicProgram* filter = nullptr;  // null: everything
  std::uint32_t snaplen = 262'144;         // at least 1
  std::uint32_t sample = 1;                // one in so many that match, on each CPU
  bool ring = true;                        // else perf buffers
  bool load_bytes = true;                  // XDP: the kernel has bpf_xdp_load_bytes
  std::uint32_t watermark = 1U << 20;      // bytes of records on one CPU after which the reader is woken
};

// Throws Error where the filter cannot be compiled for the hook.
Code MakeCaptureProgram(const CaptureProgramSpec& spec);

}  // namespace knetlab
