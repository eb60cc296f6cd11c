// SPDX-License-Identifier: Apache-2.0
// Typed access to a YamlTree. Every mismatch is an Error at the node: what is expected there and what was
// found.
//
//   const Fields route = node.RequireMap("a route", kRouteKeys);
//   const std::string& ns = route.At("in").String("the name of a namespace");
//   if (const auto table = route.Find("table")) spec.table = table->Integer(1, 255);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/scenario/model.h"
#include "harness/scenario/yaml_tree.h"
#include "netns/error.h"

namespace knetlab {

// A key that a map may or must have.
struct Key {
  std::string_view name;
  bool required = false;
};

class Fields;
struct Entry;

class Node {
 public:
  Node(std::shared_ptr<YamlDocument> document, YamlTree::Pointer tree)
      : document_(std::move(document)), tree_(std::move(tree)) {}

  const std::shared_ptr<YamlDocument>& document() const { return document_; }
  const YamlTree::Pointer& tree() const { return tree_; }
  Mark mark() const { return MarkOf(*tree_); }
  bool is_map() const { return tree_->kind == YamlTree::Kind::kMap; }
  bool is_sequence() const { return tree_->kind == YamlTree::Kind::kSequence; }
  bool is_scalar() const { return tree_->kind == YamlTree::Kind::kScalar; }
  bool is_quoted() const { return tree_->quoted; }
  // What it looks like without quotes.
  bool is_integer() const;
  bool is_number() const;
  bool is_boolean() const;

  std::string Describe() const;  // "a list", "the number 7", "the text "x""
  [[noreturn]] void Fail(std::string why, std::string hint = "") const;
  [[noreturn]] void FailType(std::string_view expected, std::string hint = "") const;

  // Text that is no number and no boolean; those in quotes are text.
  const std::string& String(std::string_view expected) const;
  // Any scalar as it is written.
  const std::string& Text(std::string_view expected) const;
  // Whole numbers, decimal or 0x.
  std::int64_t Integer(std::int64_t least, std::int64_t most) const;
  double Number(std::string_view expected) const;
  bool Boolean() const;  // true, yes, on ...

  std::vector<Node> Items(std::string_view expected) const;
  std::vector<Entry> Entries(std::string_view expected) const;
  // Fails at the first unknown key, with the nearest known one, then at the first missing one.
  Fields RequireMap(std::string_view expected, std::span<const Key> keys) const;

  // `parse` is one of the house's parsers that throw Error: its why and hint, at this node.
  template <typename T>
  T Parsed(T (*parse)(std::string_view), std::string_view text) const {
    try {
      return parse(text);
    } catch (const Error& e) {
      FailParsed(text, e.parts().why, e.parts().hint);
    }
  }

 private:
  [[noreturn]] void FailParsed(std::string_view text, const std::string& why, const std::string& hint) const;

  std::shared_ptr<YamlDocument> document_;
  YamlTree::Pointer tree_;
};

struct Entry {  // of a map
  Node key, value;
  const std::string& name() const { return key.tree()->text; }
};

class Fields {
 public:
  Fields(Node map, std::vector<Entry> entries) : map_(std::move(map)), entries_(std::move(entries)) {}

  const Node& map() const { return map_; }
  std::optional<Node> Find(std::string_view key) const;
  const Node& At(std::string_view key) const;  // fails at the map where it is not there
  bool Has(std::string_view key) const { return FindEntry(key) != nullptr; }
  // The one of these keys that is there; fails where there are several or none.
  const Entry& OneOf(std::span<const std::string_view> keys) const;

 private:
  const Entry* FindEntry(std::string_view key) const;

  Node map_;
  std::vector<Entry> entries_;
};

// "unsigned decimal or 0x"; nothing where it is no number or does not fit.
std::optional<std::uint64_t> ParseUnsigned(std::string_view text);
// "did you mean NAME?", or the names where they are few; fit for messages.
std::string HintAmong(std::string_view word, const std::vector<std::string>& names);
// "a", "a or b", "a, b or c"
std::string OrList(std::span<const std::string_view> words);

}  // namespace knetlab
