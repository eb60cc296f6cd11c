// SPDX-License-Identifier: Apache-2.0
// The table of `knetlab try`.
#pragma once

#include <cstddef>
#include <string>

#include "harness/scenario/try.h"

namespace knetlab {

struct TryLook {
  bool colour = false;
  std::size_t width = 120;  // columns to fit the first line into
};

std::string TryReport(const TryResult& result, const TryLook& look);

}  // namespace knetlab
