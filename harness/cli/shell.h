// SPDX-License-Identifier: Apache-2.0
// A shell or a command in a namespace, on the caller's terminal.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/interrupt.h"
#include "netns/namespace.h"

namespace knetlab {

// Runs argv, or $SHELL where it is empty, and waits for it. Returns its exit status, 128 plus the signal's
// number where one killed it. Its environment has KNETLAB_NAMESPACE. Ctrl-C is its business; a SIGTERM or
// SIGHUP of ours is passed on to it. Throws Error where it cannot be run.
int RunInNamespace(const Namespace& ns, std::vector<std::string> argv, Interrupt& interrupt);

}  // namespace knetlab
