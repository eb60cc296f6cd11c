// SPDX-License-Identifier: Apache-2.0
// A process that does nothing but hold descriptors: what of a kept lab lives by them (BPF links, sockets)
// outlives the process that made it.
#pragma once

#include <vector>

namespace knetlab {

// Starts one that holds these, as a child of init, and returns its pid. It ends by SIGTERM or SIGKILL only.
// Throws Error.
int StartHolder(std::vector<int> descriptors);

}  // namespace knetlab
