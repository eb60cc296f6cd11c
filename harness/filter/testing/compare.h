// SPDX-License-Identifier: Apache-2.0
// One classic program compiled for each target and run on packets in user space, beside the interpreter of
// classic BPF: the comparison that tests, the soak and the fuzzer share.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/filter/compile.h"
#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {

inline constexpr std::int32_t kMatch = 1, kOtherwise = 2;  // XDP_DROP, XDP_PASS

struct Compiled {
  FilterTarget target;
  Code code;
  bool embedded =
      false;  // in a program that has registers and stack bytes of its own, and says where they changed
  std::string Name() const;
};
const std::vector<FilterTarget>& AllTargets();

// For all targets, and for one of them embedded in another program. Throws what CompileFilter() throws.
std::vector<Compiled> CompileForAll(const ClassicProgram& program);

struct Difference {
  ClassicProgram program;
  PacketBytes packet;
  std::string target;
  std::string expected;      // "match", "no match"
  std::string got;           // the same, or what the interpreter or the compiler complained of
  std::string Text() const;  // all of it, the program in xt_bpf form, the packet in hexadecimal
};

// The first packet on which a target differs from the interpreter; also how much of the packet is linear is
// varied where the target reads beyond that. Nothing is compared where the program does not end.
std::optional<Difference> Compare(const ClassicProgram& program, const std::vector<Compiled>& compiled,
                                  const std::vector<PacketBytes>& packets);

// Compiles and compares. A program that the compiler refuses or fails on is a difference, too.
std::optional<Difference> CompileAndCompare(const ClassicProgram& program,
                                            const std::vector<PacketBytes>& packets);

}  // namespace knetlab::filter_testing
