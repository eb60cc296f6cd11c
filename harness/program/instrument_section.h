// SPDX-License-Identifier: Apache-2.0
// The types of instrumentation in an object's own BTF, before it is opened. Maps with bpf_list_head or
// bpf_rb_root and the programs that use them must have one and the same BTF, so that types cannot be added
// later. Internal to instrumentation.
#pragma once

#include "harness/program/object_file.h"

namespace knetlab {

// Adds what Describe() looks for to section .BTF of the file in memory. Leaves a file as it is that has none,
// or that cannot take more: programs get a BTF of their own then.
void AddInstrumentationTypes(ObjectFile& file);

}  // namespace knetlab
