// SPDX-License-Identifier: Apache-2.0
// Where in an expression libpcap stopped. It tells a message but no place, so the place is found from
// outside:
//
// - a word that the message names ("unknown host 'x'") and that stands in the expression once;
// - for a syntax error the first word that no expression goes on with. libpcap reads word by word, so an
//   expression that is cut behind a good word and goes on with one that the scanner refuses fails on that
//   one; cut behind the bad word or later, it fails before.
//
// No caret is better than a wrong one: where neither finds a place there is none.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace knetlab {

// Compiles an expression; the message, or "" where there is none.
using CompileAttempt = std::function<std::string(const std::string& expression)>;

// Offset of the word, the expression's size where it ends too early.
std::optional<std::size_t> FindCaret(const std::string& expression, const std::string& message,
                                     const CompileAttempt& attempt);

// The expression, and a line with a caret below it; "" where no place is found, or the expression is of
// several lines or long.
std::string ExpressionWithCaret(const std::string& expression, const std::string& message,
                                const CompileAttempt& attempt);

}  // namespace knetlab
