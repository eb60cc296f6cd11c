// SPDX-License-Identifier: Apache-2.0
// The reference: what libpcap's own interpreter (pcap_offline_filter) returns for a packet. 0 is no match.
//
// Thread-safe. The program must have passed ValidateClassic(): the interpreter ends the process on a code
// that it does not know. A program that goes back without getting on never returns (EndsSurely()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/filter/classic.h"

namespace knetlab {

// `wire_length` is what `len` loads, at least packet.size().
std::uint32_t RunReference(const ClassicProgram& program, std::span<const std::byte> packet,
                           std::uint32_t wire_length);

// No jump goes back.
bool EndsSurely(const ClassicProgram& program);

// Whether it reads what the interpreter has none of, SKF_AD_OFF and above: packet type, interface, VLAN tag.
// RunReference() finds no match there, a kernel does.
bool ReadsAncillary(const ClassicProgram& program);

}  // namespace knetlab
