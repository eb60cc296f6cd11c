// SPDX-License-Identifier: Apache-2.0
// For threads that must not be late and never sleep.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace knetlab {

// Lets a thread of this process run before others on its CPU, for as long as it lives: with real-time
// priority where that is wanted, the kernel sees to it that those others are not starved (Linux 6.12: the
// fair server) and there is another CPU for them; with the highest nice value elsewhere; not at all without
// the privilege. Never fails.
//
// Older kernels instead stop all real-time threads of a CPU for 50 ms of each second
// (sched_rt_runtime_us), which is worse than what it is to prevent.
void RunBeforeOthers(pid_t thread, bool real_time);

// The fair server lets those who have starved for most of a second run in its last 50 ms, and so on each
// second. A thread that is through `duration_ns` after its start and has real-time priority from so many
// nanoseconds on is through in the middle of a second, and not late for that.
std::uint64_t RealTimeAfterNs(double duration_ns);

}  // namespace knetlab
