// SPDX-License-Identifier: Apache-2.0
// Scripts with which shells complete the command's verbs, options and values.
#pragma once

#include <string>
#include <vector>

#include "harness/cli/command_model.h"

namespace knetlab {

std::string BashCompletion(const std::vector<VerbInfo>& verbs);
std::string ZshCompletion(const std::vector<VerbInfo>& verbs);

}  // namespace knetlab
