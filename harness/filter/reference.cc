// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/reference.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>

namespace knetlab {

static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
static_assert(offsetof(bpf_insn, jt) == offsetof(sock_filter, jt));
static_assert(offsetof(bpf_insn, k) == offsetof(sock_filter, k));

std::uint32_t RunReference(const ClassicProgram& program, std::span<const std::byte> packet,
                           std::uint32_t wire_length) {
  // The interpreter only reads; its type is the same struct by another name.
  const bpf_program compiled{
      static_cast<u_int>(program.size()),
      reinterpret_cast<bpf_insn*>(const_cast<sock_filter*>(program.data()))};  // NOLINT
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(packet.size());
  header.len = wire_length;
  return static_cast<std::uint32_t>(
      pcap_offline_filter(&compiled, &header, reinterpret_cast<const u_char*>(packet.data())));
}

bool EndsSurely(const ClassicProgram& program) {
  return std::none_of(program.begin(), program.end(), [](const sock_filter& one) {
    return one.code == (BPF_JMP | BPF_JA) && static_cast<std::int32_t>(one.k) < 0;
  });
}

bool ReadsAncillary(const ClassicProgram& program) {
  constexpr auto kFirst = static_cast<std::uint32_t>(SKF_AD_OFF);
  return std::any_of(program.begin(), program.end(), [](const sock_filter& one) {
    return BPF_CLASS(one.code) == BPF_LD && BPF_MODE(one.code) == BPF_ABS && one.k >= kFirst;
  });
}

}  // namespace knetlab
