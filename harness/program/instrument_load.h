// SPDX-License-Identifier: Apache-2.0
// Makes instrumented programs beside the plain ones that are loaded already: with the same maps, by the first
// method that the verifier takes. Internal to instrumentation.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "harness/program/instrument.h"
#include "harness/program/instrument_harvest.h"
#include "harness/program/instrument_options.h"
#include "harness/program/object.h"

namespace knetlab {

class Instrumenter {
 public:
  explicit Instrumenter(const InstrumentOptions& options) : options_(options) {}

  // Never fails for what the program is: the reason is in why() of what comes back then. `code` is null where
  // nobody knows it.
  std::unique_ptr<Instrumentation> Instrument(const Program& plain, const ProgramCode* code);

  // The instrumented program; -1 where there is none.
  static int FdOf(const Instrumentation& instrumentation);

 private:
  const InstrumentOptions& options_;
  std::shared_ptr<const UniqueFd> notes_;
};

// Where an object fills a program array with its own programs, the instrumented ones take their place. `fds`:
// from a program's id to what replaces it. Looks at the first 65,536 slots of an array.
void ReplaceInProgramArray(int array, std::uint32_t slots, const std::map<std::uint32_t, int>& fds);

}  // namespace knetlab
