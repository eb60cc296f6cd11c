// SPDX-License-Identifier: Apache-2.0
// Errors as a person reads them: what was being done, on what, why it failed, what to try.
#pragma once

#include <string>

#include "netns/error.h"

namespace knetlab {

//   knetlab: attach XDP server:eth0: Operation not supported
//     try: mode generic
//     (the detail)
std::string FailureText(const Error& error);
// Of a mistake in a file, as compilers write it: "scenario.yaml:3:1: unknown key "topolgy" (did you mean
// topology?)".
std::string MistakeText(const Error& error);
// Any failure as an Error.
Error AsError(const std::exception& failure);

}  // namespace knetlab
