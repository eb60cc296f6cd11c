// SPDX-License-Identifier: Apache-2.0
// One line that tells a person which packet this is: "10.0.0.7:5353 > 10.0.0.2:53 UDP 62", "10.0.0.9:40112
// > 10.0.0.2:443 TCP SYN 74", "ARP who-has 10.0.0.1 tell 10.0.0.2 42", "vlan 11 ...". Never fails: what
// cannot be decoded is shown as far as it can be.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace knetlab {

std::string SummarizePacket(std::span<const std::byte> packet);

}  // namespace knetlab
