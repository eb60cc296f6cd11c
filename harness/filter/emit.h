// SPDX-License-Identifier: Apache-2.0
// The last step: blocks in an order that needs few jumps, and their instructions.
#pragma once

#include "harness/filter/assembler.h"
#include "harness/filter/compile.h"
#include "harness/filter/machine.h"

namespace knetlab::filter {

struct EmitOptions {
  FilterTarget target = FilterTarget::kXdp;
  std::int16_t stack = 0;  // bytes of the frame that are the caller's
  Label accept, reject;    // the two ends, bound by the caller
  Label too_short;         // where Fail::kShort goes
  // What the caller puts behind: control may fall into it. kAccept, kReject or, neither, kNone.
  BlockId behind = kNone;
  const PacketReader* reader = nullptr;  // null: the hook's own helper
};

// Of an allocated machine. Whether control falls into what is behind.
bool Emit(Assembler& assembler, const Machine& machine, const EmitOptions& options);

}  // namespace knetlab::filter
