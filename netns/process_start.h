// SPDX-License-Identifier: Apache-2.0
// When a process began: with its pid it names one process for ever, also after the pid is used again.
#pragma once

namespace knetlab {

// Field 22 of /proc/PID/stat, in clock ticks since boot; 0 where there is no such process, or
// only its exit status waits for somebody.
unsigned long long ProcessStart(int pid);

}  // namespace knetlab
