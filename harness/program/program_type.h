// SPDX-License-Identifier: Apache-2.0
// Which type a program is meant to be, where its section name is not one that libbpf knows:
// `xdp_packet_hook`, `prog`, `tc/lan_egress_l2`. The evidence, best first: a section name that begins with
// one libbpf knows; the type of the main function's context argument in BTF; words in the section's and
// program's name; what the instructions read from the context. The verifier has the last word: a loader tries
// the candidates in their order.
#pragma once

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace knetlab {

// Newer than the headers of Debian 12.
inline constexpr std::uint32_t kAttachTcxIngress = 46;
inline constexpr std::uint32_t kAttachTcxEgress = 47;

struct TypeCandidate {
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  std::uint32_t attach_type = 0;
};

// Candidates for a program of an opened object, the likeliest first; never empty. One where libbpf knows the
// section.
std::vector<TypeCandidate> TypeCandidates(const bpf_object* object, const bpf_program* program);

// The attach type to load a program of this type with when nothing says otherwise: what libbpf takes for
// SEC("xdp") and friends. Programs that share a program array must agree in it.
std::uint32_t DefaultAttachType(bpf_prog_type type);

// Whether a name has this word: "egress" in "tc/lan_egress_l2".
bool HasWord(std::string_view name, std::string_view word);

}  // namespace knetlab
