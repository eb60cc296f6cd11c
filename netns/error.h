// SPDX-License-Identifier: Apache-2.0
// The one exception that knetlab throws for failures. It answers four questions a person asks: what was being
// done, on what, why it failed, and what to try. `detail` carries the long text that explains the why: a
// verifier log, a netlink extended acknowledgement.
//
//   throw knetlab::Error({.what = "attach XDP", .where = "server:eth0", .why = "Operation not supported",
//                         .hint = "try mode generic", .code = EOPNOTSUPP});
#pragma once

#include <string>
#include <system_error>

namespace knetlab {

struct ErrorParts {
  std::string what;    // the operation, as a verb phrase: "attach XDP", "read capture"
  std::string where;   // the object, or file:line:column
  std::string why;     // the cause, in the kernel's or library's own words where there are any
  std::string hint;    // what to try; empty where there is nothing to say
  std::string detail;  // a log, possibly many lines; empty in most errors
  int code = 0;        // the errno behind it, 0 where there is none
};

class Error : public std::system_error {
 public:
  explicit Error(ErrorParts parts);

  const ErrorParts& parts() const noexcept { return parts_; }
  // "what WHERE: why (hint)", then the detail on lines of its own.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  ErrorParts parts_;
  std::string text_;
};

// The same error with `why` taken from an errno value.
Error ErrnoError(std::string what, std::string where, int errno_value, std::string hint = "");

}  // namespace knetlab
