// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/flood_field.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

struct FieldInfo {
  FloodField field;
  const char* name;
  std::uint64_t most;
};
constexpr std::uint64_t k16 = 0xffff, k32 = 0xffffffff, kMac = 0xffffffffffff;
constexpr std::array kFields = {
    FieldInfo{FloodField::kSrc, "src", 0},         FieldInfo{FloodField::kDst, "dst", 0},
    FieldInfo{FloodField::kSport, "sport", k16},   FieldInfo{FloodField::kDport, "dport", k16},
    FieldInfo{FloodField::kSeq, "seq", k32},       FieldInfo{FloodField::kAck, "ack", k32},
    FieldInfo{FloodField::kWindow, "window", k16}, FieldInfo{FloodField::kFlags, "flags", 0xff},
    FieldInfo{FloodField::kTtl, "ttl", 0xff},      FieldInfo{FloodField::kTos, "tos", 0xff},
    FieldInfo{FloodField::kId, "id", k16},         FieldInfo{FloodField::kType, "type", 0xff},
    FieldInfo{FloodField::kCode, "code", 0xff},    FieldInfo{FloodField::kVlan, "vlan", 0xfff},
    FieldInfo{FloodField::kSmac, "smac", kMac},    FieldInfo{FloodField::kDmac, "dmac", kMac},
    FieldInfo{FloodField::kLen, "len", 9014}};

constexpr std::array kFlagNames = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

const FieldInfo& InfoOf(FloodField field) {
  return *std::find_if(kFields.begin(), kFields.end(),
                       [&](const FieldInfo& info) { return info.field == field; });
}

[[noreturn]] void Refuse(std::string_view field, std::string_view text, std::string why, std::string hint) {
  throw Error({.what = "read field",
               .where = fmt::format("{}={}", field, text),
               .why = std::move(why),
               .hint = std::move(hint),
               .detail = "",
               .code = EINVAL});
}

// Decimal, or hexadecimal after 0x.
std::optional<std::uint64_t> Number(std::string_view text) {
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> Flags(std::string_view text) {
  std::uint64_t flags = 0;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    const auto* found = std::find(kFlagNames.begin(), kFlagNames.end(), name);
    if (found == kFlagNames.end()) return std::nullopt;
    flags |= std::uint64_t{1} << (found - kFlagNames.begin());
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  return flags;
}

std::uint64_t MacNumber(std::string_view text) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : MacAddress::Parse(text).bytes) number = number << 8 | byte;
  return number;
}

}  // namespace

std::vector<std::string> FloodFieldNames() {
  std::vector<std::string> names;
  names.reserve(kFields.size());
  for (const FieldInfo& info : kFields) names.emplace_back(info.name);
  return names;
}

FloodSpec FloodSpec::Parse(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos)
    Refuse(assignment, "", "it has no value", "FIELD=SPEC, such as sport=1024-65535");
  return Parse(assignment.substr(0, equals), assignment.substr(equals + 1));
}

FloodSpec FloodSpec::Parse(std::string_view field, std::string_view text) {
  const auto* info =
      std::find_if(kFields.begin(), kFields.end(), [&](const FieldInfo& each) { return field == each.name; });
  if (info == kFields.end())
    Refuse(field, text, "there is no such field", NearestHint(std::string(field), FloodFieldNames()));
  FloodSpec spec;
  spec.field_ = info->field;
  switch (spec.field_) {
    case FloodField::kSrc:
    case FloodField::kDst:
      spec.ParseAddress(text);
      break;
    case FloodField::kSmac:
    case FloodField::kDmac:
      if (text == "random") {
        spec.high_ = kMac;
      } else {
        spec.low_ = spec.high_ = MacNumber(text);
      }
      break;
    default:
      spec.ParseNumbers(text);
  }
  return spec;
}

void FloodSpec::ParseAddress(std::string_view text) {
  if (text.starts_with("random ")) text.remove_prefix(7);
  prefix_ = IpPrefix::Parse(text);
}

void FloodSpec::ParseNumbers(std::string_view text) {
  const FieldInfo& info = InfoOf(field_);
  const auto bounded = [&](std::string_view number) {
    const auto value = Number(number);
    if (!value) {
      Refuse(
          info.name, text, "not a number",
          field_ == FloodField::kLen ? "64, 64-1514, 64,594,1514, imix" : "5, 1-9, 1,5,9, random, count 1-9");
    }
    if (*value > info.most) Refuse(info.name, text, fmt::format("above {}", info.most), "");
    return *value;
  };
  if (text == "random" && field_ != FloodField::kLen) {
    high_ = info.most;
    return;
  }
  if (text == "imix" && field_ == FloodField::kLen) {
    choices_ = {64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1514};
    return;
  }
  if (field_ == FloodField::kFlags) {
    if (const auto flags = Flags(text)) {
      low_ = high_ = *flags;
      return;
    }
  }
  std::string_view range = text;
  if (range.starts_with("count ")) {
    counts_ = true;
    range.remove_prefix(6);
  }
  if (const std::size_t dash = range.find('-'); dash != std::string_view::npos) {
    low_ = bounded(range.substr(0, dash));
    high_ = bounded(range.substr(dash + 1));
    if (low_ > high_) Refuse(info.name, text, "its end is before its beginning", "");
    return;
  }
  while (!range.empty()) {
    const std::string_view number = range.substr(0, range.find(','));
    choices_.push_back(bounded(number));
    range.remove_prefix(std::min(range.size(), number.size() + 1));
  }
  if (choices_.empty()) bounded("");
}

FloodValue FloodSpec::Draw(FloodRandom& random, std::uint64_t packet) const {
  FloodValue value;
  if (prefix_.address.family != 0) {
    value.address = prefix_.address;
    // Host bits of a whole address are none.
    for (int bit = prefix_.length; bit < prefix_.address.size() * 8;) {
      const int in_byte = bit % 8;
      const auto mask = static_cast<std::uint8_t>(0xff >> in_byte);
      std::uint8_t& byte = value.address.bytes.at(static_cast<std::size_t>(bit / 8));
      byte = static_cast<std::uint8_t>((byte & ~mask) | (random.Next() & mask));
      bit += 8 - in_byte;
    }
    return value;
  }
  if (!choices_.empty()) {
    value.number = choices_[counts_ ? packet % choices_.size() : random.Below(choices_.size())];
    return value;
  }
  const std::uint64_t span = high_ - low_ + 1;
  value.number = low_ + (counts_ ? packet % span : random.Below(span));
  return value;
}

}  // namespace knetlab
