// SPDX-License-Identifier: Apache-2.0
// For threads that must not be late and never sleep.
#pragma once

namespace knetlab {

// Lets the calling thread run before others on its CPU, for as long as it lives: with real-time priority
// where the kernel sees to it that those others are not starved (Linux 6.12: the fair server) and there is
// another CPU for them; with the highest nice value elsewhere; not at all without the privilege. Never fails.
//
// Older kernels instead stop all real-time threads of a CPU for 50 ms of each second
// (sched_rt_runtime_us), which is worse than what it is to prevent.
void RunBeforeOthers();

}  // namespace knetlab
