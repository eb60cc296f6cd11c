// SPDX-License-Identifier: Apache-2.0
// Global variables of an opened object, set before it is loaded.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "harness/program/object.h"

namespace knetlab {

// Writes each variable's bytes into the initial content of its section (.rodata, .data, .bss and .rodata.NAME
// and so on). Throws Error: no BTF, no such variable (with the nearest name), bytes of another size.
// `where` names the object in errors.
void SetGlobals(bpf_object* object, const std::map<std::string, GlobalContent>& globals,
                const std::string& where);

}  // namespace knetlab
