// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a loaded program.
#pragma once

#include <linux/bpf.h>

#include <string>

namespace knetlab {

// `where` names the program in the Error that is thrown where the kernel does not answer.
bpf_prog_info InfoOfProgram(int fd, const std::string& where);

}  // namespace knetlab
