// SPDX-License-Identifier: Apache-2.0
// How namespaces get names; kept.h is about those that have one.
#pragma once

#include <string>
#include <vector>

#include "netns/namespace.h"

namespace knetlab {

// Names each one `PREFIX-LABEL` below /run/netns and records this process as the owner. All or none. Throws
// Error.
void KeepNamespaces(const std::vector<Namespace>& namespaces, const std::string& prefix, bool on_purpose);

}  // namespace knetlab
