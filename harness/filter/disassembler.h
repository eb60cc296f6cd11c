// SPDX-License-Identifier: Apache-2.0
// eBPF as text, in the words of the kernel's verifier log and of bpftool:
//
//      0: (61) r2 = *(u32 *)(r1 +4)
//      1: (2d) if r1 > r2 goto pc+3
//
// Maps are shown by the names that the program has for them.
#pragma once

#include <string>

#include "harness/filter/assembler.h"

namespace knetlab {

// One instruction, without number and end of line; of a wide load both halves.
std::string Disassemble(const bpf_insn& instruction, const bpf_insn* second_half = nullptr);

// A line each.
std::string Listing(const Code& code);

}  // namespace knetlab
