// SPDX-License-Identifier: Apache-2.0
// For tests of classic programs: libpcap's own opinions, apart because its headers cannot be included with
// linux/bpf.h.
#pragma once

#include <string>

#include "harness/filter/classic.h"

namespace knetlab {

bool SameProgram(const ClassicProgram& left, const ClassicProgram& right);

// What libpcap prints of an instruction (`tcpdump -d`), without the end of the line. Not thread-safe.
std::string LibpcapImage(const sock_filter& instruction, int number);

// Whether ValidateClassic() knows the code.
bool IsKnownCode(unsigned code);

}  // namespace knetlab
