// SPDX-License-Identifier: Apache-2.0
// Which ways out of a program's conditions some packet may take, as far as it can be proven that none takes
// the others: every way through the program is followed with what its conditions have said of the values
// compared. libpcap compiles many comparisons whose outcome an earlier one has settled.
//
// Thread-safe.
#pragma once

#include <cstddef>

#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {

struct Reach {
  Coverage possible;
  bool complete =
      true;  // else there are too many ways, or loops, and nothing is proven: all ways are possible

  std::size_t impossible() const { return possible.branches() - possible.taken(); }
};

// `steps`: instructions followed, at most.
Reach FindReach(const ClassicProgram& program, std::size_t steps = 20'000);

}  // namespace knetlab::filter_testing
