// SPDX-License-Identifier: Apache-2.0
// What a descriptor is connected to.
#pragma once

#include <cstddef>

namespace knetlab {

bool IsTerminal(int fd);
// A terminal, and the person did not refuse: NO_COLOR (no-color.org) is unset or empty, TERM is not "dumb".
bool WantsColour(int fd);
// Columns of the terminal; 120 where it is none.
std::size_t WidthOf(int fd);

}  // namespace knetlab
