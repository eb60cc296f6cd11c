// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "harness/traffic/pace_schedule.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kMaxGapNs = 3600ULL * 1'000'000'000;

double ParsePositive(std::string_view number, std::string_view whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size() || !std::isfinite(value) || value <= 0) {
    throw Error({.what = "read pace",
                 .where = fmt::format("\"{}\"", whole),
                 .why = "not a pace",
                 .hint = "max, original, x2.5 (times the original), 1000pps, 10.5mbps",
                 .detail = ""});
  }
  return value;
}

// A product of doubles as nanoseconds; what is beyond the clock's range is "never".
std::uint64_t Nanoseconds(long double ns) {
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  return ns >= static_cast<long double>(kNever) ? std::uint64_t{kNever} : static_cast<std::uint64_t>(ns);
}

}  // namespace

Pace Pace::Parse(std::string_view text) {
  if (text == "max") return {.kind = Kind::kMax};
  if (text == "original") return {.kind = Kind::kOriginal};
  if (text.starts_with('x')) return {.kind = Kind::kMultiplier, .value = ParsePositive(text.substr(1), text)};
  std::string_view number = text;
  if (number.ends_with("mbps")) {
    number.remove_suffix(4);
    return {.kind = Kind::kMbps, .value = ParsePositive(number, text)};
  }
  if (number.ends_with("pps")) number.remove_suffix(3);
  return {.kind = Kind::kPps, .value = ParsePositive(number, text)};
}

std::uint64_t CaptureClock::OffsetNs(std::uint64_t time_ns) {
  if (begun_ && time_ns > before_ns_ && time_ns - before_ns_ <= kMaxGapNs) offset_ns_ += time_ns - before_ns_;
  begun_ = true;
  before_ns_ = time_ns;
  return offset_ns_;
}

PaceSchedule::PaceSchedule(const Pace& pace, std::span<const Packet> packets) : pace_(pace) {
  if (pace.kind == Pace::Kind::kMbps) {
    for (const Packet& packet : packets) {
      capture_offsets_.push_back(loop_offset_);
      loop_offset_ += packet.bytes.size() * 8;
    }
  }
  if (pace.kind != Pace::Kind::kOriginal && pace.kind != Pace::Kind::kMultiplier) return;
  CaptureClock clock;
  for (const Packet& packet : packets) capture_offsets_.push_back(clock.OffsetNs(packet.time_ns));
  if (!capture_offsets_.empty()) loop_offset_ = capture_offsets_.back();
}

std::uint64_t PaceSchedule::OffsetNs(std::uint64_t index) const {
  if (pace_.kind == Pace::Kind::kPps)
    return Nanoseconds(static_cast<long double>(index) * 1e9L / pace_.value);
  if (capture_offsets_.empty()) return 0;
  const std::uint64_t loop = index / capture_offsets_.size();
  const auto offset = static_cast<long double>(capture_offsets_[index % capture_offsets_.size()]) +
                      static_cast<long double>(loop) * static_cast<long double>(loop_offset_);
  if (pace_.kind == Pace::Kind::kMbps) return Nanoseconds(offset * 1e3L / pace_.value);
  return Nanoseconds(pace_.kind == Pace::Kind::kMultiplier ? offset / pace_.value : offset);
}

}  // namespace knetlab
