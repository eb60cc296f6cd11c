// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_places.h"

#include <linux/pkt_cls.h>

#include <algorithm>

#include "harness/program/verdict.h"

namespace knetlab {

std::size_t ExitPlaces::SlotOf(std::int64_t verdict) const {
  return std::min(static_cast<std::uint32_t>(verdict) + bias, last);
}

std::optional<ExitPlaces> ExitPlacesOf(bpf_prog_type type) {
  switch (type) {
    case BPF_PROG_TYPE_XDP:
      return ExitPlaces{.bias = 0, .last = XDP_REDIRECT + 1, .context = "xdp_md"};
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
      return ExitPlaces{.bias = 1, .last = TC_ACT_TRAP + 2, .context = "__sk_buff"};  // TC_ACT_UNSPEC is -1
    case BPF_PROG_TYPE_SOCKET_FILTER:  // a length: nothing of the packet, or some of it
      return ExitPlaces{.bias = 0, .last = 1, .last_is_other = false, .context = "__sk_buff"};
    case BPF_PROG_TYPE_CGROUP_SKB:  // bit 0: pass; bit 1, at egress: congestion
      return ExitPlaces{.bias = 0, .last = 4, .context = "__sk_buff"};
    default:
      return std::nullopt;
  }
}

std::string ExitPlaceName(bpf_prog_type type, const ExitPlaces& places, std::size_t slot) {
  if (slot == places.last && places.last_is_other) return "other";
  return VerdictName(type, static_cast<std::int64_t>(slot) - places.bias);
}

}  // namespace knetlab
