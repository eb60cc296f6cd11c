// SPDX-License-Identifier: Apache-2.0
// What describes an instrumented program to the kernel: its BTF with the new functions' types, and which type
// and which source line belongs to which instruction. Internal to instrumentation.
//
// The kernel needs it: without function types it refuses tail calls, LD_ABS and callbacks in functions that
// are not the main one (Linux 5.10 to 6.18), and checks global functions by their BTF alone. A program that
// has no BTF gets some that has no more than these types.
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "harness/program/instrument_code.h"
#include "harness/program/instrument_harvest.h"
#include "netns/fd.h"

struct btf;

namespace knetlab {

struct DescribedCode {
  UniqueFd btf;
  std::vector<bpf_func_info> functions;
  std::vector<bpf_line_info> lines;
};

struct StubKind {
  bool global = true;        // checked by the verifier on their own, once
  const char* context = "";  // the struct that they are given
};

// Adds the types of instrumentation for every function that may be a program's main one. False where that
// fails.
bool AddTypesForAllPrograms(btf* types);

// Throws Error where the kernel refuses the BTF.
DescribedCode Describe(const ProgramCode& program, const InstrumentedCode& code, const StubKind& stubs);

}  // namespace knetlab
