// SPDX-License-Identifier: Apache-2.0
// Addresses as values: IPv4 and IPv6 addresses, prefixes, Ethernet addresses. Text forms are those of
// iproute2.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace knetlab {

struct IpAddress {
  int family = 0;                        // AF_INET or AF_INET6; 0 means "none"
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four

  static IpAddress Parse(std::string_view text);  // throws Error
  std::string ToString() const;
  int size() const;                                    // 4 or 16
  auto operator<=>(const IpAddress&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs
};

// An address with a prefix length, host bits kept: "10.0.0.1/24", "fd00::1/64"; without "/N" the whole
// address.
struct IpPrefix {
  IpAddress address;
  int length = 0;

  static IpPrefix Parse(std::string_view text);  // throws Error
  std::string ToString() const;
  auto operator<=>(const IpPrefix&) const = default;
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static MacAddress Parse(std::string_view text);  // throws Error
  std::string ToString() const;
  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace knetlab
