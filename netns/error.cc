// SPDX-License-Identifier: Apache-2.0
#include "netns/error.h"

#include <utility>

namespace knetlab {
namespace {

std::string Sentence(const ErrorParts& parts) {
  std::string text = parts.what;
  if (!parts.where.empty()) text += " " + parts.where;
  if (!parts.why.empty()) text += ": " + parts.why;
  if (!parts.hint.empty()) text += " (" + parts.hint + ")";
  if (!parts.detail.empty()) text += "\n" + parts.detail;
  return text;
}

}  // namespace

Error::Error(ErrorParts parts)
    : std::system_error(std::error_code(parts.code, std::generic_category())),
      parts_(std::move(parts)),
      text_(Sentence(parts_)) {}

Error ErrnoError(std::string what, std::string where, int errno_value, std::string hint) {
  return Error({.what = std::move(what),
                .where = std::move(where),
                .why = std::generic_category().message(errno_value),
                .hint = std::move(hint),
                .detail = "",
                .code = errno_value});
}

}  // namespace knetlab
