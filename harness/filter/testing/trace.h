// SPDX-License-Identifier: Apache-2.0
// A run of a classic program that remembers what each value was made of, so that a packet can be changed to
// make a comparison go the other way.
//
// Plain values; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/filter/testing/classic_interpreter.h"
#include "harness/filter/testing/random.h"

namespace knetlab::filter_testing {

struct TracedValue {
  enum class Kind : std::uint8_t { kConstant, kLoad, kLength, kAlu };
  Kind kind = Kind::kConstant;
  std::uint8_t size = 0;               // of kLoad
  std::uint16_t code = 0;              // of kAlu, an opcode
  std::uint32_t value = 0;             // in this run
  std::uint32_t offset = 0;            // of kLoad, in this run
  std::int32_t left = -1, right = -1;  // of kAlu; of kLoad: left is the index, where it has one
};

struct TracedStep {
  std::size_t at = 0;
  bool load = false;                   // of packet bytes; else a conditional jump
  bool yes = false;                    // the jump was taken; the bytes were there
  std::int32_t left = -1, right = -1;  // of a jump: what was compared
  std::uint64_t end = 0;               // of a load: the packet must have so many bytes
};

struct Trace {
  std::vector<TracedValue> values;
  std::vector<TracedStep> steps;
  ClassicRun run;
  bool divided_by_zero() const { return run.end == ClassicRun::End::kDivision; }
};

// At most `max_steps` instructions.
Trace TraceClassic(const ClassicProgram& program, const PacketBytes& packet, std::size_t max_steps);

// Changes the packet so that the value becomes `wanted`, were all else as in the trace: masks, shifts, sums
// and products are solved backwards down to the bytes loaded. False where that cannot be; the packet may be
// half changed then.
bool Solve(const Trace& trace, std::int32_t value, std::uint32_t wanted, PacketBytes& packet);

// Sets the bytes that a value was made of, and those that decided where they were read, to what `byte` gives;
// each where `chosen` says so.
template <typename Byte, typename Chosen>
void Refill(const Trace& trace, std::int32_t value, PacketBytes& packet, const Byte& byte,
            const Chosen& chosen) {
  if (value < 0) return;
  const TracedValue& one = trace.values[static_cast<std::size_t>(value)];
  Refill(trace, one.left, packet, byte, chosen);
  Refill(trace, one.right, packet, byte, chosen);
  if (one.kind != TracedValue::Kind::kLoad || !chosen()) return;
  for (std::size_t i = 0; i < one.size && one.offset + i < packet.size(); ++i)
    packet[one.offset + i] = byte();
}

// Packets that may make the step go the other way, at most `count`. Not all of them do: what the packet's
// other bytes decide comes first.
std::vector<PacketBytes> Flip(const ClassicProgram& program, const Trace& trace, const TracedStep& step,
                              const PacketBytes& packet, std::size_t count, Random& random);

}  // namespace knetlab::filter_testing
