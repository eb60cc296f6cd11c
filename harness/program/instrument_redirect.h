// SPDX-License-Identifier: Apache-2.0
// Calls by which a program redirects its packet, and the stubs that take their place to note the target. The
// kernel keeps the target where a program at exit cannot read it. Internal to instrumentation.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "harness/filter/assembler.h"

namespace knetlab {

struct RedirectCall {
  std::size_t instruction;
  bpf_func_id helper;
};
std::vector<RedirectCall> FindRedirectCalls(std::span<const bpf_insn> instructions);

// Functions of the instrumented program. The maps are named "flag" and "notes".
void AssembleRedirectStub(Assembler& assembler, bpf_func_id helper, int cpus,
                          std::optional<std::int16_t> offset_of_map_id);
void AssembleForgetStub(Assembler& assembler, int cpus);  // clears this CPU's note

}  // namespace knetlab
