// SPDX-License-Identifier: Apache-2.0
// Programs of a scenario that are declared as a filter: an expression, a hook, two verdicts.
#pragma once

#include <string>

#include "harness/scenario/filter_forms.h"
#include "harness/scenario/model.h"

namespace knetlab {

FilterHook FilterHookOf(const AttachSpec& attach);

// Throws Error: the expression is wrong, the hook cannot do it, it has no such verdict.
void CheckFilterProgram(const ProgramSpec& program);

// The bytes of an object whose one program is the filter, for the hook that it is attached to; XDP where that
// is none. `fragments`: XDP, packets of several buffers, too. Throws Error.
std::string FilterObject(const ProgramSpec& program, bool fragments);

// What tells two filters apart: SHA-256 in hex of expression, hook and verdicts.
std::string HashOfFilter(const ProgramSpec& program);

}  // namespace knetlab
