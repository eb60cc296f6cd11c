// SPDX-License-Identifier: Apache-2.0
// Packets made for one filter: a filter's own comparisons are solved for packet bytes until each branch that
// can be taken was taken both ways, and each load met a packet that just holds it and one that is a byte
// short. Random packets, and captures too, take few of a filter's branches.
//
//   DirectedPackets made = MakeDirected(program, bases, {.seed = 1});
//   made.coverage.taken() of made.coverage.branches()
//
// Deterministic for a seed; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {

struct DirectedOptions {
  std::uint64_t seed = 1;
  std::size_t runs = 4000;          // of the interpreter, at most
  std::size_t shortest = 14;        // bytes of a packet: the kernel tries none without an Ethernet header
  bool edges = true;                // truncate at each range of bytes that is read
  std::size_t max_packets = 20000;  // edges are left out beyond this
  // Ways that are worth trying (reach.h); all where there is none. Borrowed.
  const Coverage* possible = nullptr;
};

struct DirectedPackets {
  std::vector<PacketBytes> packets;
  Coverage coverage;
};

// `bases`: packets to begin with, besides one of zeros.
DirectedPackets MakeDirected(const ClassicProgram& program, const std::vector<PacketBytes>& bases,
                             const DirectedOptions& options);

}  // namespace knetlab::filter_testing
