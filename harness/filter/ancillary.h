// SPDX-License-Identifier: Apache-2.0
// What classic BPF reads at the kernel's special offsets (SKF_AD_*), and where each hook has it.
#pragma once

#include <cstdint>

#include "harness/filter/compile.h"

namespace knetlab::filter {

struct AncillaryRead {
  bool by_helper = false;
  bpf_func_id helper{};          // by_helper
  std::int16_t offset = 0;       // else: a word of xdp_md or __sk_buff
  bool big_endian_half = false;  // which holds 16 bits in network order
};

// Throws Error where the hook does not have it: what it is, and which target has.
AncillaryRead ReadOf(std::uint32_t offset, FilterTarget target);

}  // namespace knetlab::filter
