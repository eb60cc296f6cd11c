// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/classic_test_support.h"

#include <pcap/pcap.h>

#include <algorithm>

#include "netns/error.h"

namespace knetlab {

bool SameProgram(const ClassicProgram& left, const ClassicProgram& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const sock_filter& a, const sock_filter& b) {
                      return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
                    });
}

std::string LibpcapImage(const sock_filter& instruction, int number) {
  const bpf_insn one{instruction.code, instruction.jt, instruction.jf, instruction.k};
  return bpf_image(&one, number);
}

bool IsKnownCode(unsigned code) {
  const sock_filter one{static_cast<std::uint16_t>(code), 0, 0, 1};
  try {
    ValidateClassic({one, {BPF_JMP | BPF_JA, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, 0}});
  } catch (const Error&) {
    return false;
  }
  return true;
}

}  // namespace knetlab
