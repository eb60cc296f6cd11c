// SPDX-License-Identifier: Apache-2.0
// `${name}` in a tree. A scalar that is wholly `${name}`, in quotes or not, becomes the parameter's value
// with its type, lists and maps too; within a longer text the value must be a scalar and its text is put in.
// Values may use other parameters. `$${` stands for the two characters. What is put in has the place of its
// use.
#pragma once

#include <map>
#include <set>
#include <string>

#include "harness/scenario/yaml_tree.h"

namespace knetlab {

constexpr std::size_t kMaxSubstitutedText = 65'536;

class Parameters {
 public:
  explicit Parameters(std::map<std::string, YamlTree::Pointer> values) : values_(std::move(values)) {}

  // Throws Error: a parameter that does not exist, with the nearest name; one that uses itself; too much.
  YamlTree::Pointer Substitute(const YamlTree::Pointer& tree);

 private:
  YamlTree::Pointer Resolved(const std::string& name, const YamlTree& use);
  YamlTree::Pointer SubstituteScalar(const YamlTree::Pointer& scalar);
  std::string SubstituteText(const YamlTree& scalar);
  YamlTree::Pointer PutAt(const YamlTree& use, const YamlTree::Pointer& value);
  void Charge(const YamlTree& use, std::size_t weight);

  std::map<std::string, YamlTree::Pointer> values_, resolved_;
  std::set<std::string> open_;  // being resolved
  std::size_t made_ = 0;        // weight of the nodes made
};

// The names that are used anywhere in the tree.
std::set<std::string> UsedParameters(const YamlTree& tree);

// A letter or "_", then letters, digits, "_", "-".
bool IsParameterName(std::string_view name);

}  // namespace knetlab
