// SPDX-License-Identifier: Apache-2.0
// On which rigs a scenario can run at all, told from what it holds. The rigs have the last word: each
// refuses, with the line, a step that it cannot do.
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/model.h"

namespace knetlab {

std::vector<std::string> SuitableRigs(const Scenario& scenario);  // of "unit", "wire"

}  // namespace knetlab
