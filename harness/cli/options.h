// SPDX-License-Identifier: Apache-2.0
// The options that verbs share. Each is declared once, so that the same thing has the same name, the same
// values and the same words everywhere; a verb says which of them it has.
//
//   AddOptions(verb, options, {Opt::kJson, Opt::kOutput, Opt::kRig});
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

namespace knetlab {

struct Options {
  bool json = false;
  std::string output;  // a file; empty: stdout
  int jobs = 1;
  int repeat = 1;
  std::optional<double> timeout_s;
  std::string rig;  // empty: the verb's own
  std::string filter;
  std::optional<std::uint64_t> limit;
  std::string hook = "auto";
  bool keep = false;
};

enum class Opt { kJson, kOutput, kJobs, kRepeat, kTimeout, kRig, kFilter, kLimit, kHook, kKeep };

// `values` must outlive the parsing.
void AddOptions(CLI::App& verb, Options& values, std::initializer_list<Opt> wanted);

}  // namespace knetlab
