// SPDX-License-Identifier: Apache-2.0
// The errors of everything that reads scenarios, and text of users made fit for messages.
#pragma once

#include <string>
#include <string_view>

#include "harness/scenario/model.h"

namespace knetlab {

// Throws Error{what = "read scenario"}.
[[noreturn]] void FailAt(const Mark& mark, std::string why, std::string hint = "");

bool IsUtf8(std::string_view text);
// Control characters and what is not UTF-8 escaped, so that a file cannot drive the terminal that shows its
// errors.
std::string Printable(std::string_view text);
// The same in double quotes, cut where long.
std::string Quoted(std::string_view text);

}  // namespace knetlab
