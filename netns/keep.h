// SPDX-License-Identifier: Apache-2.0
// How namespaces get names; kept.h is about those that have one.
#pragma once

#include <string>
#include <vector>

#include "netns/namespace.h"

namespace knetlab {

// Names each one `PREFIX-LABEL` below /run/netns and records this process as the owner. All or none. With
// descriptors, the owner is a process that holds them until the names are removed. Throws Error.
void KeepNamespaces(const std::vector<Namespace>& namespaces, const std::string& prefix, bool on_purpose,
                    const std::vector<int>& descriptors);

}  // namespace knetlab
