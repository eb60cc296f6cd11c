// SPDX-License-Identifier: Apache-2.0
// The packets of a `replay` or `flood` step: read from its capture, or made.
#pragma once

#include <string>

#include "harness/scenario/model.h"
#include "harness/traffic/capture_file.h"

namespace knetlab {

// One round of them. Throws Error.
Capture PacketsOf(const ReplayStep& step);

}  // namespace knetlab
