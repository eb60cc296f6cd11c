// SPDX-License-Identifier: Apache-2.0
#include "netns/units.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "netns/error.h"

namespace knetlab {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

[[noreturn]] void RefuseUnit(std::string_view kind, const std::string& text, std::string_view example) {
  throw Error({.what = fmt::format("read {}", kind),
               .where = fmt::format("'{}'", text),
               .why = "not a number with a unit of this kind",
               .hint = fmt::format("such as {}", example),
               .detail = "",
               .code = EINVAL});
}

double Parse(std::string_view kind, const std::string& text, std::span<const Unit> units,
             std::string_view example) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string unit(end, text.data() + text.size());
  for (char& c : unit) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (error == std::errc() && std::isfinite(number) && number >= 0) {
    for (const Unit& known : units) {
      if (known.name == unit && number * known.factor < 1e18) return number * known.factor;
    }
  }
  RefuseUnit(kind, text, example);
}

std::uint64_t Whole(double value) {
  return static_cast<std::uint64_t>(std::llround(value));
}

constexpr double kKibi = 1024.0;

}  // namespace

std::uint64_t ParseCount(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) RefuseUnit("count", text, "10");
  return value;
}

std::uint64_t ParseHexadecimal(const std::string& text) {
  const std::size_t prefix = text.starts_with("0x") ? 2 : 0;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + prefix, text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) RefuseUnit("hexadecimal number", text, "10");
  return value;
}

std::uint64_t ParseBytes(const std::string& text) {
  static constexpr Unit units[] = {{"", 1},
                                   {"b", 1},
                                   {"k", kKibi},
                                   {"kb", kKibi},
                                   {"m", kKibi * kKibi},
                                   {"mb", kKibi * kKibi},
                                   {"g", kKibi * kKibi * kKibi},
                                   {"gb", kKibi * kKibi * kKibi},
                                   {"kbit", kKibi / 8},
                                   {"mbit", kKibi * kKibi / 8},
                                   {"gbit", kKibi * kKibi * kKibi / 8}};
  return Whole(Parse("size", text, units, "32k"));
}

std::uint64_t ParseRate(const std::string& text) {
  static constexpr Unit units[] = {
      {"", 1.0 / 8},     {"bit", 1.0 / 8},     {"kbit", 1e3 / 8}, {"mbit", 1e6 / 8},
      {"gbit", 1e9 / 8}, {"kibit", kKibi / 8}, {"bps", 1},        {"mibit", kKibi * kKibi / 8},
      {"kbps", 1e3},     {"mbps", 1e6},        {"gbps", 1e9}};
  return Whole(Parse("rate", text, units, "1mbit"));
}

std::uint64_t ParseNanoseconds(const std::string& text) {
  static constexpr Unit units[] = {{"", 1e3},   {"ns", 1},     {"us", 1e3}, {"usec", 1e3},
                                   {"ms", 1e6}, {"msec", 1e6}, {"s", 1e9},  {"sec", 1e9}};
  return Whole(Parse("time", text, units, "10ms"));
}

double ParseShare(const std::string& text) {
  static constexpr Unit units[] = {{"", 1}, {"%", 0.01}};
  const double share = Parse("share", text, units, "1%");
  if (share > 1) RefuseUnit("share", text, "1%");
  return share;
}

}  // namespace knetlab
