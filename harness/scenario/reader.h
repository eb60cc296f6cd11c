// SPDX-License-Identifier: Apache-2.0
// Reads and validates scenarios. Every mistake is an Error whose `where` is file:line:column and whose hint
// has the nearest valid name: unknown and repeated keys, wrong types, names that are not declared, files that
// are not there.
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/model.h"
#include "netns/error.h"

namespace knetlab {

struct ReadOptions {
  // Where `object:` is looked for when it is neither absolute nor beside the scenario, in this order.
  std::vector<std::string> object_folders;
  // What `requires:` may name; empty: anything.
  std::vector<std::string> features;
  // Golden captures need not be there: they are to be written.
  bool golden_may_be_missing = false;
};

// The folders of the lab's own programs: beside this build or installation. Only those that exist.
std::vector<std::string> DefaultObjectFolders();

// The cases of a file: one, or those that its matrix and its named cases make. Throws Error.
std::vector<Scenario> ReadScenarios(const std::string& file, const ReadOptions& options);
// All mistakes of a file, as far as one does not hide another, in the order in which the file is read; of a
// file with cases those of the first case that has any. Without mistakes its cases are appended to the suite.
std::vector<Error> FindMistakes(const std::string& file, const ReadOptions& options,
                                std::vector<Scenario>& suite);
// A file that holds only a topology (the `topology:` of a scenario, or a scenario whose topology is wanted:
// that of its first case). Throws Error.
TopologySpec ReadTopology(const std::string& file);

// The scenario files below the paths (a file, or a folder searched for *.yaml and *.yml), sorted, each once.
// Hidden files and folders, *.topology.yaml and *.include.yaml are left out unless named themselves. Throws
// Error where a path is missing or a folder holds none.
std::vector<std::string> FindScenarios(const std::vector<std::string>& paths);

// Throws Error where two scenarios of a suite have the same name.
void RequireUniqueNames(const std::vector<Scenario>& suite);

}  // namespace knetlab
