// SPDX-License-Identifier: Apache-2.0
// Runs a command inside a namespace: its own process, its own PID namespace (so that all its descendants end
// with it), killed when `stop` is requested or this process ends. No shell is involved.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "netns/cgroup.h"
#include "netns/namespace.h"

namespace knetlab {

struct CommandResult {
  int status = 0;                               // exit status; 128 + N where signal N ended it
  std::string standard_output, standard_error;  // the first 64 KiB of each
};

// Throws Error where it cannot be started (not found) or `stop` ended it.
// Its environment is ours with `variables` ("NAME=value"). It runs in `cgroup`; nullptr: in ours.
CommandResult RunCommand(const Namespace& ns, const std::vector<std::string>& argv,
                         const std::vector<std::string>& variables, const std::stop_token& stop,
                         const Cgroup* cgroup = nullptr);

}  // namespace knetlab
