// SPDX-License-Identifier: Apache-2.0
// What to try when the verifier refuses a program: its words say what it saw, these say what usually mends
// it.
#pragma once

#include <string_view>

namespace knetlab {

// `reason`: VerifierReason(). Empty where nothing general can be said. The words are the kernel's, of
// kernel/bpf/verifier.c from 5.10 to 6.18: where it changed them, both are known.
std::string_view VerifierHint(std::string_view reason);

}  // namespace knetlab
