// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/ancillary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>

#include "netns/error.h"

namespace knetlab::filter {
namespace {

struct Entry {
  std::uint32_t offset;  // behind SKF_AD_OFF
  std::string_view name;
  std::optional<AncillaryRead> xdp, skb;
};

AncillaryRead Word(std::size_t offset) {
  return {.offset = static_cast<std::int16_t>(offset)};
}
AncillaryRead BigEndian(std::size_t offset) {
  return {.offset = static_cast<std::int16_t>(offset), .big_endian_half = true};
}
AncillaryRead Helper(bpf_func_id helper) {
  return {.by_helper = true, .helper = helper};
}

const std::array<Entry, 15>& Entries() {
  static const std::array<Entry, 15> kEntries = {{
      {SKF_AD_PROTOCOL, "the protocol", {}, BigEndian(offsetof(__sk_buff, protocol))},
      {SKF_AD_PKTTYPE, "the packet type (inbound, outbound)", {}, Word(offsetof(__sk_buff, pkt_type))},
      {SKF_AD_IFINDEX, "the interface index", Word(offsetof(xdp_md, ingress_ifindex)),
       Word(offsetof(__sk_buff, ifindex))},
      {SKF_AD_NLATTR, "a netlink attribute", {}, {}},
      {SKF_AD_NLATTR_NEST, "a nested netlink attribute", {}, {}},
      {SKF_AD_MARK, "the mark", {}, Word(offsetof(__sk_buff, mark))},
      {SKF_AD_QUEUE, "the queue", Word(offsetof(xdp_md, rx_queue_index)),
       Word(offsetof(__sk_buff, queue_mapping))},
      {SKF_AD_HATYPE, "the hardware type", {}, {}},
      {SKF_AD_RXHASH, "the receive hash", {}, Word(offsetof(__sk_buff, hash))},
      {SKF_AD_CPU, "the CPU", Helper(BPF_FUNC_get_smp_processor_id), Helper(BPF_FUNC_get_smp_processor_id)},
      {SKF_AD_ALU_XOR_X, "the old form of an exclusive or", {}, {}},
      {SKF_AD_VLAN_TAG, "the VLAN tag", {}, Word(offsetof(__sk_buff, vlan_tci))},
      {SKF_AD_VLAN_TAG_PRESENT, "the presence of a VLAN tag", {}, Word(offsetof(__sk_buff, vlan_present))},
      {SKF_AD_RANDOM, "a random number", Helper(BPF_FUNC_get_prandom_u32), Helper(BPF_FUNC_get_prandom_u32)},
      {SKF_AD_VLAN_TPID, "the VLAN protocol", {}, BigEndian(offsetof(__sk_buff, vlan_proto))},
  }};
  return kEntries;
}

}  // namespace

AncillaryRead ReadOf(std::uint32_t offset, FilterTarget target) {
  const std::uint32_t number = offset - static_cast<std::uint32_t>(SKF_AD_OFF);
  const auto entry = std::find_if(Entries().begin(), Entries().end(),
                                  [number](const Entry& one) { return one.offset == number; });
  const bool known = entry != Entries().end();
  if (known) {
    const std::optional<AncillaryRead>& read = IsSkb(target) ? entry->skb : entry->xdp;
    if (read) return *read;
  }
  const bool tc_has = known && entry->skb.has_value();
  throw Error({.what = "compile filter",
               .where = fmt::format("load at SKF_AD_OFF + {}", number),
               .why = known ? fmt::format("{} cannot be read {}", entry->name,
                                          tc_has ? "in XDP: the hook runs before the kernel knows it"
                                                 : "by an eBPF program")
                            : "the kernel has nothing at this offset",
               .hint = tc_has ? "the targets tc and socket have it"
                              : "a classic socket filter (--target socket) reads what the kernel has there",
               .detail = "",
               .code = EOPNOTSUPP});
}

}  // namespace knetlab::filter
