// SPDX-License-Identifier: Apache-2.0
// Classic BPF to eBPF: the filter compiler.
//
//   Code code = CompileFilter(CompileExpression("udp dst port 53"),
//                             {.target = FilterTarget::kXdp, .match = XDP_DROP, .otherwise = XDP_PASS});
//
// The verdict is that of libpcap's interpreter on the whole packet (classic.h), which on a socket begins
// where the socket's data does. What comes out verifies on Linux 5.10 and later. docs/dev-filter.md tells how
// it works. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/filter/assembler.h"
#include "harness/filter/classic.h"

namespace knetlab {

enum class FilterTarget {
  kXdp,       // linear packets: all there is between data and data_end, at most 32,767 bytes
  kXdpFrags,  // multi-buffer too: what lies beyond the linear part is read by bpf_xdp_load_bytes (Linux 5.18)
  kTc,        // TC and cgroup_skb: beyond the linear part by bpf_skb_load_bytes
  kSocket,    // socket filters, which have no direct access: all by bpf_skb_load_bytes
};
constexpr bool IsSkb(FilterTarget target) {
  return target == FilterTarget::kTc || target == FilterTarget::kSocket;
}

struct FilterOptions {
  FilterTarget target = FilterTarget::kXdp;
  std::int32_t match = 0;      // what the program returns where the filter matches
  std::int32_t otherwise = 0;  // and elsewhere
};

// A whole program. Throws Error where the target cannot do a load (which instruction, why, which target can),
// or where the program is beyond what the kernel takes.
Code CompileFilter(const ClassicProgram& program, const FilterOptions& options);

// How bytes are read where the hook's data does not begin where the packet does. Offsets are in R10's frame,
// in the caller's part.
struct PacketReader {
  Label load;  // a function as bpf_skb_load_bytes is one, but R2 counts from the packet's begin; R5 is below
  std::int16_t argument = 0;  // R5: R10 plus this
  std::int16_t length = 0;    // where 64 bits hold the packet's length
};

// A filter inside a program of the caller's: control reaches `match` or `otherwise`, both of which the caller
// binds, before or behind.
struct Embedding {
  FilterTarget target = FilterTarget::kXdp;
  Reg context = R6;        // xdp_md or __sk_buff; kept
  std::int16_t stack = 0;  // bytes of the frame below R10 that are the caller's: a multiple of 8
  std::uint16_t free = 0;  // of R6 to R9 those that the filter may use: bit N is RN; R0 to R5 it always may.
                           // A filter with a loop needs one of them.
  Label match, otherwise;
  std::optional<PacketReader> reader = {};  // of FilterTarget::kSocket
};
void EmbedFilter(Assembler& assembler, const ClassicProgram& program, const Embedding& embedding);

}  // namespace knetlab
