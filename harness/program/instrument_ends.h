// SPDX-License-Identifier: Apache-2.0
// Ways in which a program ends besides its exits, and which of them a method does not see. Internal to
// instrumentation.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <string>

#include "harness/program/instrument_options.h"

namespace knetlab {

struct HiddenEnds {
  bool tail_calls = false;    // that succeed
  bool packet_loads = false;  // LD_ABS and LD_IND beyond the packet: their function ends with 0
  bool exceptions = false;    // bpf_throw

  bool BehindExits() const { return tail_calls || packet_loads; }
};
HiddenEnds FindHiddenEnds(std::span<const bpf_insn> program);

// "tail calls and exceptions (bpf_throw)"; empty where the method sees all there are.
std::string UnseenBy(InstrumentMethod method, const HiddenEnds& ends);

}  // namespace knetlab
