// SPDX-License-Identifier: Apache-2.0
#include "harness/program/context_use.h"

#include <algorithm>
#include <array>
#include <bitset>

namespace knetlab {
namespace {

// struct xdp_md ends after six 32-bit members; struct __sk_buff has `data` at 76.
constexpr int kXdpContextSize = 24;
constexpr std::array kXdpHelpers = {BPF_FUNC_xdp_adjust_head, BPF_FUNC_xdp_adjust_meta,
                                    BPF_FUNC_xdp_adjust_tail, BPF_FUNC_xdp_load_bytes,
                                    BPF_FUNC_xdp_store_bytes, BPF_FUNC_xdp_get_buff_len};
constexpr std::array kSkbHelpers = {
    BPF_FUNC_skb_store_bytes,        BPF_FUNC_l3_csum_replace,  BPF_FUNC_l4_csum_replace,
    BPF_FUNC_clone_redirect,         BPF_FUNC_skb_vlan_push,    BPF_FUNC_skb_vlan_pop,
    BPF_FUNC_skb_load_bytes,         BPF_FUNC_skb_change_proto, BPF_FUNC_skb_change_type,
    BPF_FUNC_skb_set_tunnel_key,     BPF_FUNC_skb_change_tail,  BPF_FUNC_skb_pull_data,
    BPF_FUNC_skb_change_head,        BPF_FUNC_skb_adjust_room,  BPF_FUNC_get_hash_recalc,
    BPF_FUNC_skb_load_bytes_relative};

template <typename Helpers>
bool Has(const Helpers& helpers, int id) {
  return std::find(helpers.begin(), helpers.end(), static_cast<bpf_func_id>(id)) != helpers.end();
}

}  // namespace

ContextUse UseOfContext(std::span<const bpf_insn> instructions) {
  std::bitset<16> context(1U << BPF_REG_1);  // registers that hold the context
  bool read_data = false;
  bool read_data_end = false;
  for (const bpf_insn& insn : instructions) {
    const int kind = BPF_CLASS(insn.code);
    if (kind == BPF_LD && (BPF_MODE(insn.code) == BPF_ABS || BPF_MODE(insn.code) == BPF_IND)) {
      return ContextUse::kSocketBuffer;
    }
    if (kind == BPF_LDX && context[insn.src_reg]) {
      if (insn.off >= kXdpContextSize) return ContextUse::kSocketBuffer;
      read_data = read_data || insn.off == 0;
      read_data_end = read_data_end || insn.off == 4;
    }
    if (insn.code == (BPF_ALU64 | BPF_MOV | BPF_X)) {
      context.set(insn.dst_reg, context[insn.src_reg]);
    } else if (kind == BPF_LD || kind == BPF_LDX || kind == BPF_ALU || kind == BPF_ALU64) {
      context.reset(insn.dst_reg);
    } else if (insn.code == (BPF_JMP | BPF_CALL)) {
      if (insn.src_reg == 0 && Has(kXdpHelpers, insn.imm)) return ContextUse::kXdp;
      if (insn.src_reg == 0 && Has(kSkbHelpers, insn.imm)) return ContextUse::kSocketBuffer;
      for (std::size_t clobbered = BPF_REG_0; clobbered <= BPF_REG_5; ++clobbered) context.reset(clobbered);
    }
  }
  return read_data && read_data_end ? ContextUse::kXdp : ContextUse::kUnknown;
}

}  // namespace knetlab
