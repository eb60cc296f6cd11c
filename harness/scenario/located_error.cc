// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/located_error.h"

namespace knetlab {

Error LocatedError(const Error& error, const Mark& mark) {
  const ErrorParts& parts = error.parts();
  if (mark.line == 0 || parts.where.starts_with(mark.file + ":")) return error;
  ErrorParts located = parts;
  located.where = mark.ToString() + (parts.where.empty() ? "" : ": " + parts.where);
  return Error(located);
}

}  // namespace knetlab
