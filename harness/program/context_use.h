// SPDX-License-Identifier: Apache-2.0
// What a program without BTF reads from its context, which tells a program for XDP from one for socket
// buffers.
#pragma once

#include <linux/bpf.h>

#include <span>

namespace knetlab {

enum class ContextUse { kUnknown, kXdp, kSocketBuffer };

// A guess from one pass over the instructions, in their order in the file and without following jumps: loads
// through the context's register and its copies, packet loads that only socket buffers have, and helpers that
// only one kind may call.
ContextUse UseOfContext(std::span<const bpf_insn> instructions);

}  // namespace knetlab
