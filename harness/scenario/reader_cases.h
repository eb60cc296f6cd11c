// SPDX-License-Identifier: Apache-2.0
// `parameters:`, `matrix:` and `cases:`: which cases a file holds, and the values of each. The cases are all
// combinations of the matrix, for each named case; `exclude` takes some out.
//
//   parameters: {port: 53, mode: native}            values where a case has no other
//   matrix: {mode: [native, generic], exclude: [{mode: generic, port: 80}]}
//   cases: {dns: {port: 53}, web: {port: 80}}       [dns,mode=native] [dns,mode=generic] [web,mode=native]
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/scenario/yaml_node.h"

namespace knetlab {

constexpr std::size_t kMaxCases = 10'000;
// Of all cases together, as if each were a file of its own.
constexpr std::size_t kMaxCasesWeight = std::size_t{4} << 20;

struct Case {
  std::string name;                                      // "dns,mode=native"; empty: the file has no cases
  std::map<std::string, YamlTree::Pointer> parameters;   // all of them
  std::vector<std::pair<std::string, std::string>> own;  // what makes this case, as text
};

// `root` is a scenario. In the order of the file, the last axis changing fastest; at least one. Throws Error,
// before anything is expanded where it would be too much.
std::vector<Case> ReadCases(const Node& root);

// The scenario of one case: its parameters put in; without the four keys above, the name as it is written.
YamlTree::Pointer TreeOfCase(const YamlTree& root, const Case& one);

}  // namespace knetlab
