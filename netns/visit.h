// SPDX-License-Identifier: Apache-2.0
// Short work in many namespaces, on one thread that goes from one to the next and ends: unlike Namespace::Run
// it leaves no thread behind in each of them.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "netns/namespace.h"

namespace knetlab {

// Calls `work(i)` inside `namespaces[i]`, in order. Throws Error, and what `work` throws.
void VisitNamespaces(const std::vector<const Namespace*>& namespaces,
                     const std::function<void(std::size_t)>& work);

}  // namespace knetlab
