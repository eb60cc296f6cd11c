// SPDX-License-Identifier: Apache-2.0
// What an interface can do with XDP, as the kernel tells (generic netlink "netdev", Linux 6.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace knetlab {

// Bits of XdpFeatures(), as the kernel numbers them.
inline constexpr std::uint64_t kXdpTakesFrames = 1U << 2;  // NETDEV_XDP_ACT_NDO_XMIT: frames can be sent out

// Of an interface of the calling thread's namespace. Nothing where the kernel does not tell. `where` names
// the interface in errors. Throws Error.
std::optional<std::uint64_t> XdpFeatures(int ifindex, const std::string& where);

}  // namespace knetlab
