// SPDX-License-Identifier: Apache-2.0
#include "harness/program/verifier_hint.h"

#include <algorithm>
#include <array>

namespace knetlab {
namespace {

struct Hint {
  std::string_view words, hint;
};

// The first whose words are found counts: the special before the general.
constexpr std::array kHints = {
    Hint{"invalid access to packet",
         "before a read compare the pointer plus its length with data_end, on every path that leads there"},
    Hint{"_or_null'", "the pointer may be NULL: check it before use"},
    Hint{"mem access 'inv'",
         "the register holds a number there: after a helper that changes the packet load data and data_end "
         "again"},
    Hint{"mem access 'scalar'",
         "the register holds a number there: after a helper that changes the packet load data and data_end "
         "again"},
    Hint{"invalid bpf_context access",
         "the context of this program type has no such field, or not of that size: is it the right type?"},
    Hint{"GPL-restricted function", "declare a licence: char _license[] SEC(\"license\") = \"GPL\";"},
    Hint{"GPL compatible", "declare a licence: char _license[] SEC(\"license\") = \"GPL\";"},
    Hint{"unknown func", "this kernel has no such helper, or not for this program type"},
    Hint{"cannot use helper", "this kernel has the helper, but not for this program type"},
    Hint{"infinite loop detected", "give the loop a bound that the verifier can see, or use bpf_loop"},
    Hint{"back-edge", "before Linux 5.3 loops must be unrolled: #pragma unroll"},
    Hint{"too large", "split the program: bpf_loop, functions that are not inlined, or tail calls"},
    Hint{"is too complex", "split the program: bpf_loop, functions that are not inlined, or tail calls"},
    Hint{"combined stack size", "move large variables from the stack into a per-CPU array map"},
    Hint{"invalid stack", "the stack has 512 bytes, and is read only where it was written"},
    Hint{"invalid indirect read from stack", "set all bytes of the variable first, padding too"},
    Hint{"unbounded min value", "bound the register before it is added to a pointer: compare it, or mask it"},
    Hint{"unbounded memory access", "bound the register before it is used: compare it, or mask it"},
    Hint{"invalid access to map value", "bound the index by the size of the value: compare it, or mask it"},
    Hint{"!read_ok", "it is used before it was set: set it on every path"},
    Hint{"At program exit the register R0", "return only the verdicts that this hook knows"},
    Hint{"Unreleased reference", "release on every path what was looked up: bpf_sk_release"},
};

}  // namespace

std::string_view VerifierHint(std::string_view reason) {
  const auto found = std::find_if(kHints.begin(), kHints.end(), [&](const Hint& hint) {
    return reason.find(hint.words) != std::string_view::npos;
  });
  return found == kHints.end() ? std::string_view() : found->hint;
}

}  // namespace knetlab
