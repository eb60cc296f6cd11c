// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/model.h"

#include <fmt/format.h>

namespace knetlab {

std::string Mark::ToString() const {
  return line == 0 ? file : fmt::format("{}:{}:{}", file, line, column);
}

bool NumberCheck::Holds(double found) const {
  switch (op) {
    case Op::kEqual:
      return found == value;
    case Op::kLess:
      return found < value;
    case Op::kLessEqual:
      return found <= value;
    case Op::kGreater:
      return found > value;
    case Op::kGreaterEqual:
      return found >= value;
  }
  return false;
}

std::string NumberCheck::ToString() const {
  static constexpr const char* kSigns[] = {"", "< ", "<= ", "> ", ">= "};
  return fmt::format("{}{}", kSigns[static_cast<int>(op)], value);
}

}  // namespace knetlab
