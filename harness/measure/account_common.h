// SPDX-License-Identifier: Apache-2.0
// What both kinds of account need.
#pragma once

#include <linux/bpf.h>

#include <string>

#include "harness/measure/account.h"

namespace knetlab {

// Packets on their way inside the kernel's softirq work are through when every CPU has passed a quiescent
// state.
void WaitForCpus();

// "EMSGSIZE"; the number where it has no name.
std::string ErrnoName(int error);

// The type whose verdict names a hook's programs use.
bpf_prog_type TypeOfHook(const HookedProgram& hook);

}  // namespace knetlab
