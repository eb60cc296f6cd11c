// SPDX-License-Identifier: Apache-2.0
// YAML text to a tree that is safe to walk, whoever wrote the text: sizes and depth are bounded (aliases
// counted as often as they are used), keys are scalars and unique, there are no tags, no NUL characters and
// only UTF-8. yaml_node.h gives typed access to it.
//
// Built from yaml-cpp's events and not its Node, which keeps no marks of empty values, accepts repeated keys,
// and follows aliases without limit.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/scenario/model.h"

namespace knetlab {

struct YamlTree {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  using Pointer = std::shared_ptr<const YamlTree>;

  Kind kind = Kind::kNull;
  std::shared_ptr<const std::string> file;
  int line = 0, column = 0;  // 1-based
  bool quoted = false;       // a scalar in quotes or a block: text, whatever it looks like
  std::string text;          // of a scalar
  std::vector<Pointer> items;
  std::vector<std::pair<Pointer, Pointer>> pairs;  // in the order of the file
  std::size_t weight = 1;  // nodes below and including this one, long texts counting more
  int height = 1;          // levels below and including this one
};

struct YamlDocument {
  YamlTree::Pointer root;  // its parts may be from several files, where one includes others
  std::size_t weight = 0;  // of all trees made from this document, families expanded
  std::size_t bytes = 0;   // of the text
};

constexpr std::size_t kMaxYamlBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxYamlWeight = 262'144;
constexpr int kMaxYamlDepth = 64;

std::size_t ScalarWeight(const std::string& text);
Mark MarkOf(const YamlTree& tree);

// New nodes at the place of `at`, their weight and height worked out.
std::shared_ptr<YamlTree> MakeScalar(const YamlTree& at, std::string text);
std::shared_ptr<YamlTree> MakeMap(const YamlTree& at,
                                  std::vector<std::pair<YamlTree::Pointer, YamlTree::Pointer>> pairs);
std::shared_ptr<YamlTree> MakeSequence(const YamlTree& at, std::vector<YamlTree::Pointer> items);
// A document of a tree that was put together; throws Error where it is beyond the limits.
std::shared_ptr<YamlDocument> MakeDocument(YamlTree::Pointer root);

// Both throw Error.
std::shared_ptr<YamlDocument> ParseYaml(const std::string& file, const std::string& text);
std::shared_ptr<YamlDocument> ParseYamlFile(const std::string& file);

}  // namespace knetlab
