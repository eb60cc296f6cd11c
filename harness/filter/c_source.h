// SPDX-License-Identifier: Apache-2.0
// The C form of a classic program, for people to read, change and build into their own BPF programs.
//
//   CSource({.program = program, .comment = "udp dst port 53", .function = "match_dns"});
//
// The function is self-contained (linux/types.h): every load is checked against data_end, and what libpcap's
// interpreter does holds, byte for byte: 32-bit arithmetic, indices that wrap find nothing, shifts of 32 and
// more give 0, division by zero is no match. It reads what lies between data and data_end alone: of a packet
// of several buffers that is the linear part. Built with clang -target bpf -O2 it verifies on Linux 5.10 and
// later. A program that goes back (protochain) does so at most kMaxRounds times in C; its last round is no
// match.
#pragma once

#include <string>

#include "harness/filter/classic.h"

namespace knetlab {

inline constexpr int kMaxRounds = 512;  // 8 bytes each: more than a page of headers

enum class CFrame { kFunction, kXdp, kTc };

struct CSourceOptions {
  std::string comment;             // above it, any text: what it matches
  std::string function = "match";  // a C identifier
  CFrame frame = CFrame::kFunction;
  // Of the frame: what the program `filter` returns, C expressions.
  std::string match = "XDP_DROP", otherwise = "XDP_PASS";
};

// Throws Error where the program reads what only the kernel's own filters have (SKF_AD_OFF).
std::string CSource(const ClassicProgram& program, const CSourceOptions& options);

}  // namespace knetlab
