// SPDX-License-Identifier: Apache-2.0
// What must be there before anything is run, and the words when it is not. `what` is the verb that wanted to
// run: "try".
#pragma once

#include <string>

namespace knetlab {

// Whether the process may make namespaces and load programs (CAP_SYS_ADMIN and CAP_NET_ADMIN).
bool HasPrivileges();
// Throws Error, with the command to type instead, where it may not.
void RequireRoot(const std::string& what);
// Throws Error, with how to get it, where something is missing that the rigs cannot do without. For after a
// failure, to explain it: it takes a tenth of a second.
void RequireEssentials(const std::string& what);

}  // namespace knetlab
