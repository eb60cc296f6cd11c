// SPDX-License-Identifier: Apache-2.0
// Names of program types and of what programs return. Names are the kernel's: XDP_DROP, TC_ACT_SHOT; a code
// the kernel has no name for is shown as its number. A socket filter returns a length: SOCKET_DROP is 0,
// SOCKET_PASS the rest.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace knetlab {

// "xdp", "sched_cls", "socket_filter" ... as bpftool prints them; the number where unknown.
std::string ProgramTypeName(bpf_prog_type type);

// The other way round. Throws Error, with the nearest name.
bpf_prog_type ProgramTypeByName(std::string_view name);

// What a code means for the packet.
enum class Decision { kDrop, kPass, kTransmit, kRedirect, kStolen };

std::string VerdictName(bpf_prog_type type, std::int64_t code);
// The other way round, in capital letters or not: "XDP_DROP", "drop"; "TC_ACT_SHOT", "shot". "drop" and
// "pass" mean every type's own. Throws Error, with the nearest name.
std::int32_t VerdictByName(bpf_prog_type type, std::string_view name);
Decision VerdictDecision(bpf_prog_type type, std::int64_t code);

}  // namespace knetlab
