// SPDX-License-Identifier: Apache-2.0
// Which programs of an object are instrumented, and how: instrument.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

// What each does, costs and cannot do: docs/dev-instrumentation.md.
enum class InstrumentMethod : std::uint8_t {
  kBypass,       // the wrapper, and the old main function once more, which runs while nothing is inserted
  kWrapper,      // a new main function calls an entry stub, the old main function and an exit stub
  kStaticStubs,  // the same with stubs that the verifier does not check on their own
  kExits,        // the main function's exits jump to one that calls the exit stub: one call less
  kNone,         // as it is
};
std::string_view MethodName(InstrumentMethod method);  // "bypass", "wrapper", "static stubs", "exits", "none"
// Nothing: there is none of that name, or it is "none".
std::optional<InstrumentMethod> InstrumentMethodByName(std::string_view name);

struct InstrumentOptions {
  std::vector<std::string> programs = {};  // empty: all of them
  // The methods to try, in this order; the first one that the verifier takes is used. Empty: the exits first
  // where they see every end of the program, which is the cheapest; otherwise the bypass, then the others.
  // kNone as the only one leaves the programs as they are and says so.
  std::vector<InstrumentMethod> methods = {};
  bool note_redirects = true;  // where a packet is redirected to (RedirectNote)
};

}  // namespace knetlab
