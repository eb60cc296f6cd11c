// SPDX-License-Identifier: Apache-2.0
// Makes what shows a difference small: instructions, constants and packet bytes go as long as it still shows.
#pragma once

#include <functional>

#include "harness/filter/classic.h"
#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {

struct Case {
  ClassicProgram program;
  PacketBytes packet;
};

// `shows` is asked of valid programs and packets of at least `shortest` bytes only, at most `most` times; it
// is true for `found`.
Case Shrink(Case found, const std::function<bool(const Case&)>& shows, std::size_t shortest = 14,
            std::size_t most = 20'000);

}  // namespace knetlab::filter_testing
