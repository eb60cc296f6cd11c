// SPDX-License-Identifier: Apache-2.0
// How an object file becomes loaded programs: attempts, each with what the failure of the one before taught.
//
// An attempt opens the file afresh, since libbpf loads an opened object only once. A further attempt follows
// where
//   - the type of the refused program was a guess: with the next candidate;
//   - a program array is initialised with a program that was not asked for: with that one too;
//   - a map that no chosen program may need cannot be created: without it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/program/libbpf_log.h"
#include "harness/program/object.h"
#include "harness/program/object_file.h"
#include "harness/program/program_type.h"
#include "harness/program/verifier_log.h"
#include "netns/error.h"

namespace knetlab {

struct LoadedObject {
  ObjectHandle handle;
  std::vector<std::string> map_names;  // the file's; libbpf renames a map that is shared
  std::uint64_t end_ns = 0;            // CLOCK_BOOTTIME
};

class Loader {
 public:
  Loader(const ObjectFile& file, const LoadOptions& options) : file_(file), options_(options) {}

  LoadedObject Load();  // throws Error

 private:
  // Why an attempt failed.
  struct Failure {
    int code = 0;
    std::string program;       // the refused program, or empty
    std::string map;           // the map that could not be created, or empty
    std::string slot_program;  // the program that a program array wants and that is not loaded, or empty
    std::string verifier_log;
    std::string messages;  // libbpf's
    std::string reason;
  };

  std::optional<Failure> Attempt(LoadedObject& object);
  void ChoosePrograms(const LoadedObject& object);
  void PreparePrograms(bpf_object* object, const VerifierLogBuffer& verifier_log);
  void PrepareMaps(const LoadedObject& object);
  Failure Explain(const LoadedObject& object, int code, const LibbpfLog& log,
                  const VerifierLogBuffer& verifier) const;
  bool Learn(const Failure& failure);
  Error ToError(const Failure& failure) const;

  const ObjectFile& file_;
  const LoadOptions& options_;
  std::set<std::string> chosen_;  // programs to load; filled by the first attempt
  std::set<std::string> skipped_maps_;
  std::map<std::string, std::vector<TypeCandidate>>
      candidates_;                                 // of programs whose type is a guess, the current one first
  std::map<std::string, Failure> first_refusals_;  // of those programs, with their likeliest type
};

}  // namespace knetlab
