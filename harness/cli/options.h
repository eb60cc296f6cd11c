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
#include <vector>

namespace knetlab {

inline constexpr const char* kDefaultStore = "knetlab.db";  // in the current folder

struct Options {
  bool json = false;
  std::string output;  // a file; empty: stdout
  int jobs = 1;
  int repeat = 0;  // 0: as often as each says itself
  std::optional<double> timeout_s;
  std::string rig;  // empty: the verb's own
  std::vector<std::string> filters;
  std::vector<std::string> reports;
  std::uint64_t seed = 1;
  bool fail_fast = false;
  std::optional<std::uint64_t> limit;
  std::string hook = "auto";
  bool keep = false;
  std::optional<std::uint64_t> count;
  std::optional<double> duration_s;
  std::string capture;
  bool update_golden = false;
  std::optional<std::string> store;  // a file; empty: none
};

enum class Opt {
  kJson,
  kOutput,
  kJobs,
  kRepeat,
  kSeed,
  kTimeout,
  kRig,
  kFilter,
  kFailFast,
  kReport,
  kLimit,
  kHook,
  kKeep,
  kCount,
  kDuration,
  kCapture,
  kUpdateGolden,
  kStore
};

// `values` must outlive the parsing.
void AddOptions(CLI::App& verb, Options& values, std::initializer_list<Opt> wanted);

}  // namespace knetlab
