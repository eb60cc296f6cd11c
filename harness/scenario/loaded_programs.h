// SPDX-License-Identifier: Apache-2.0
// The programs of a scenario, loaded, with their maps and global variables as declared.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/program/object.h"
#include "harness/scenario/model.h"
#include "harness/scenario/values.h"

namespace knetlab {

struct LoadedProgram {
  const ProgramSpec* spec = nullptr;
  BpfObject object;
  const Program* program = nullptr;  // in `object`
};

class LoadedPrograms {
 public:
  // `frags`: labels of XDP programs to load with BPF_F_XDP_HAS_FRAGS; `instrumented`: of those to make ready
  // for capture, by `method` or, where that is empty, what fits best. Throws Error at the program's place in
  // the file.
  LoadedPrograms(const std::vector<ProgramSpec>& specs, const EndpointAccess& endpoints,
                 const std::set<std::string>& frags, const std::set<std::string>& instrumented = {},
                 const std::string& method = "");

  const std::vector<std::unique_ptr<LoadedProgram>>& all() const { return programs_; }
  const LoadedProgram& at(const std::string& label) const;

 private:
  void Load(const ProgramSpec& spec, const EndpointAccess& endpoints, bool frags,
            const std::optional<InstrumentOptions>& instrument);

  std::vector<std::unique_ptr<LoadedProgram>> programs_;
};

// Which program of an object is meant: `wanted`, else the one named like `label`, else the only one that fits
// the hook `kind` ("auto": any). Throws Error that lists the programs there are.
ProgramInfo ChooseProgram(const std::string& object, const std::string& wanted, const std::string& label,
                          const std::string& kind);

// Whether a program's type is one that the hook `kind` takes; "auto": any hook.
bool FitsHook(const ProgramInfo& info, const std::string& kind);

}  // namespace knetlab
