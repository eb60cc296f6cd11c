// SPDX-License-Identifier: Apache-2.0
// How fast packets are sent: `original` keeps the capture's gaps, `multiplier` divides them, `pps` spaces
// packets evenly, `mbps` by their lengths (bits of the frames as given, without preamble, gap and checksum),
// `max` sends as fast as the kernel takes them.
#pragma once

#include <string_view>

namespace knetlab {

struct Pace {
  enum class Kind { kMax, kOriginal, kMultiplier, kPps, kMbps };
  Kind kind = Kind::kMax;
  double value = 0;  // of all but kMax and kOriginal

  // "max", "original", "x2.5", "1000pps", "10.5mbps", or a bare number: packets a second. Throws Error.
  static Pace Parse(std::string_view text);
};

}  // namespace knetlab
