// SPDX-License-Identifier: Apache-2.0
// What a command printed, compared with what an `exec` step expects.
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/command.h"
#include "harness/scenario/model.h"
#include "harness/scenario/rig.h"

namespace knetlab {

// Why the text is no regular expression that can be used; "" where it is one. RE2: no expression of any
// length takes more than linear time or more than its bounded memory.
std::string RegexMistake(const std::string& expression);

// The exit status, then one result for each thing expected.
std::vector<CheckResult> CheckCommand(const ExecStep& step, const CommandResult& command, const Mark& mark);

}  // namespace knetlab
