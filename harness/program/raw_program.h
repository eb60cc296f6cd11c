// SPDX-License-Identifier: Apache-2.0
// A program made of instructions that are at hand, not of an object file: what the filter compiler and the
// capture programs make.
//
//   RawProgram program = RawProgram::Load({.name = "filter", .type = BPF_PROG_TYPE_XDP, .instructions =
//   code}); TestRun(program.program(), packet);
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "harness/program/instrument_options.h"
#include "harness/program/object.h"
#include "netns/fd.h"

namespace knetlab {

struct RawProgramSpec {
  std::string name;  // as bpftool shows it; the kernel keeps 15 characters of letters, digits, _ and .
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  std::uint32_t expected_attach_type = 0;
  bool has_frags = false;  // XDP: BPF_F_XDP_HAS_FRAGS
  std::span<const bpf_insn> instructions;
  std::optional<InstrumentOptions> instrument = {};  // as LoadOptions::instrument
};

class RawProgram {
 public:
  // Under the GPL, as helpers want. Throws Error: refused by the verifier (the last 20 lines of its log, and
  // the file that holds the whole log).
  static RawProgram Load(const RawProgramSpec& spec);

  const Program& program() const { return program_; }
  int fd() const { return program_.fd(); }

 private:
  UniqueFd fd_;  // of the plain program
  std::shared_ptr<const Instrumentation> instrumentation_;
  Program program_;
};

}  // namespace knetlab
