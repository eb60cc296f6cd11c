// SPDX-License-Identifier: Apache-2.0
// Random classic programs, all of them valid (ValidateClassic()), and random packets for them: what a
// compiler of filters is tried with besides expressions that people write.
//
// The programs have all opcodes and modes; offsets near 0, near a packet's end and absurd ones, negative as
// signed numbers among them; jumps forwards by up to 255 and JA; conditions with one target; dead code; all
// memory words, written or not; both returns. Jumps backwards come from expressions alone (protochain).
//
// Deterministic for a state of Random.
#pragma once

#include <cstddef>
#include <vector>

#include "harness/filter/classic.h"
#include "harness/filter/testing/classic_interpreter.h"
#include "harness/filter/testing/random.h"

namespace knetlab::filter_testing {

struct RandomClassicOptions {
  std::size_t max_instructions = 400;
  bool ancillary = false;           // loads at SKF_AD_OFF, too
  bool initialised_memory = false;  // no word is read that was not written before: libpcap clears none
};

ClassicProgram RandomClassic(Random& random, const RandomClassicOptions& options = {});

// A program with some fields and instructions changed. What loops may then loop for ever.
ClassicProgram Mutate(const ClassicProgram& program, Random& random,
                      const RandomClassicOptions& options = {});

// 14 to 2000 bytes, biased towards the constants and offsets of the program.
PacketBytes RandomPacket(const ClassicProgram& program, Random& random);

// What ValidateClassic() takes.
bool IsValidClassic(const ClassicProgram& program);

// All opcodes there are.
const std::vector<std::uint16_t>& ClassicOpcodes();

}  // namespace knetlab::filter_testing
