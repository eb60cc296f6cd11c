// SPDX-License-Identifier: Apache-2.0
// The instructions of an instrumented program: the program's own in one piece, and what is put around them.
// Internal to instrumentation; docs/dev-instrumentation.md has the layout.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/program/instrument_options.h"
#include "harness/program/instrument_places.h"

namespace knetlab {

// Not 0: something is inserted there. Apart, since the stub's call is most of what an empty place costs.
struct InstrumentFlags {
  std::uint32_t exits;
  std::uint32_t entry;  // also where notes of redirects are to be cleared
};

// Maps by descriptor: what the code names.
struct InstrumentMaps {
  int flag = -1;   // array of one InstrumentFlags
  int entry = -1;  // program array
  int exits = -1;  // program array
  int notes = -1;  // array of one RedirectNote[cpus]
};

struct InstrumentPlan {
  InstrumentMethod method = InstrumentMethod::kWrapper;
  ExitPlaces places;
  InstrumentMaps maps;
  bool note_redirects = false;
  int cpus = 0;
  std::optional<std::int16_t> offset_of_map_id;  // in the kernel's struct bpf_map
};

enum class FunctionRole : std::uint8_t { kMain, kOldMain, kEntryStub, kExitStub, kHelperStub };

// A function that is new or that is not what it was. The program's other functions are where they were,
// `shift` later.
struct CodeFunction {
  std::size_t start;
  FunctionRole role;
};

struct InstrumentedCode {
  std::vector<bpf_insn> instructions;
  std::size_t shift = 0;                // instruction N of the program is N + shift here
  std::vector<CodeFunction> functions;  // by their start; the first is the main function
  bool wrapped = false;                 // the program's main function is a function of its own
  bool notes_redirects = false;
};

// Throws Error where the method cannot be used: the program has no stack left, a jump is too far.
InstrumentedCode Instrumented(std::span<const bpf_insn> program, const InstrumentPlan& plan);

// Where each function begins, the main one first, as the kernel finds them.
std::vector<std::size_t> FunctionStarts(std::span<const bpf_insn> program);

}  // namespace knetlab
