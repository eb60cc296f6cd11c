// SPDX-License-Identifier: Apache-2.0
#include "netns/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "netns/error.h"

namespace knetlab {
namespace {

[[noreturn]] void Refuse(std::string_view what, std::string_view text, std::string_view why,
                         std::string_view hint) {
  throw Error({.what = std::string(what),
               .where = fmt::format("'{}'", text),
               .why = std::string(why),
               .hint = std::string(hint),
               .detail = "",
               .code = EINVAL});
}

std::optional<IpAddress> TryAddress(std::string_view text) {
  IpAddress address;
  const std::string terminated(text);
  // inet_pton stops at a NUL byte and would accept what follows it.
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, terminated.c_str(), address.bytes.data()) == 1) {
      address.family = family;
      return address;
    }
  }
  return std::nullopt;
}

template <typename T>
bool WholeNumber(std::string_view text, T& value, int base) {
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

IpAddress IpAddress::Parse(std::string_view text) {
  if (auto address = TryAddress(text)) return *address;
  Refuse("read IP address", text, "not an IPv4 or IPv6 address", "such as 10.0.0.1 or fd00::1");
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family == 0 || ::inet_ntop(family, bytes.data(), text, sizeof text) == nullptr) return "none";
  return text;
}

int IpAddress::size() const {
  return family == AF_INET6 ? 16 : 4;
}

IpPrefix IpPrefix::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = TryAddress(text.substr(0, slash));
  if (!address)
    Refuse("read IP prefix", text, "not an IPv4 or IPv6 address", "such as 10.0.0.0/24 or fd00::/64");
  const int longest = address->size() * 8;
  int length = longest;
  if (slash != std::string_view::npos &&
      (!WholeNumber(text.substr(slash + 1), length, 10) || length < 0 || length > longest)) {
    Refuse("read IP prefix", text, fmt::format("the prefix length is not a number from 0 to {}", longest),
           "");
  }
  return {*address, length};
}

std::string IpPrefix::ToString() const {
  return fmt::format("{}/{}", address.ToString(), length);
}

MacAddress MacAddress::Parse(std::string_view text) {
  MacAddress mac;
  bool good = text.size() == 17;
  for (std::size_t i = 0; good && i < mac.bytes.size(); ++i) {
    good = WholeNumber(text.substr(i * 3, 2), mac.bytes[i], 16) && (i == 5 || text[i * 3 + 2] == ':');
  }
  if (!good)
    Refuse("read MAC address", text, "not six pairs of hexadecimal digits", "such as 02:00:00:00:00:01");
  return mac;
}

std::string MacAddress::ToString() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3],
                     bytes[4], bytes[5]);
}

}  // namespace knetlab
