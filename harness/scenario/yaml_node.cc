// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/yaml_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "harness/scenario/reader_error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::string_view kTrue[] = {"true", "True", "TRUE"};
constexpr std::string_view kFalse[] = {"false", "False", "FALSE"};

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view WithoutSign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

bool LooksInteger(std::string_view text) {
  const auto all = [](std::string_view digits, std::string_view allowed) {
    return !digits.empty() && digits.find_first_not_of(allowed) == std::string_view::npos;
  };
  const std::string_view bare = WithoutSign(text);
  if (bare.starts_with("0x")) return all(bare.substr(2), "0123456789abcdefABCDEF");
  return all(bare, "0123456789") && (bare.size() == 1 || bare[0] != '0');
}

std::optional<double> ParseDouble(std::string_view text) {
  const std::string_view bare = WithoutSign(text);
  if (bare.empty() || bare[0] < '0' || bare[0] > '9') return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

bool Node::is_integer() const {
  return is_scalar() && !is_quoted() && LooksInteger(tree_->text);
}

bool Node::is_number() const {
  return is_integer() || (is_scalar() && !is_quoted() && ParseDouble(tree_->text).has_value());
}

bool Node::is_boolean() const {
  return is_scalar() && !is_quoted() && (Contains(kTrue, tree_->text) || Contains(kFalse, tree_->text));
}

std::string Node::Describe() const {
  switch (tree_->kind) {
    case YamlTree::Kind::kNull:
      return "nothing";
    case YamlTree::Kind::kSequence:
      return tree_->items.empty() ? "an empty list" : "a list";
    case YamlTree::Kind::kMap:
      return tree_->pairs.empty() ? "an empty map" : "a map";
    case YamlTree::Kind::kScalar:
      break;
  }
  if (is_number()) return "the number " + Printable(tree_->text);
  if (is_boolean()) return "the boolean " + tree_->text;
  return "the text " + Quoted(tree_->text);
}

void Node::Fail(std::string why, std::string hint) const {
  FailAt(mark(), std::move(why), std::move(hint));
}

void Node::FailType(std::string_view expected, std::string hint) const {
  Fail(fmt::format("expected {}, found {}", expected, Describe()), std::move(hint));
}

void Node::FailParsed(std::string_view text, const std::string& why, const std::string& hint) const {
  Fail(fmt::format("{}: {}", Quoted(text), why), hint);
}

const std::string& Node::String(std::string_view expected) const {
  if (is_number() || is_boolean()) FailType(expected, "text that looks like that goes in quotes");
  return Text(expected);
}

const std::string& Node::Text(std::string_view expected) const {
  if (!is_scalar()) FailType(expected);
  return tree_->text;
}

std::int64_t Node::Integer(std::int64_t least, std::int64_t most) const {
  const std::string expected = fmt::format("a whole number from {} to {}", least, most);
  if (!is_integer()) FailType(expected);
  const bool negative = tree_->text[0] == '-';
  const auto magnitude = ParseUnsigned(WithoutSign(tree_->text));
  const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (!magnitude || *magnitude > limit) FailType(expected);
  const auto value = static_cast<std::int64_t>(negative ? 0 - *magnitude : *magnitude);
  if (value < least || value > most) FailType(expected);
  return value;
}

double Node::Number(std::string_view expected) const {
  if (!is_number()) FailType(expected);
  const auto value = ParseDouble(tree_->text);
  if (!value) FailType(expected);
  return *value;
}

bool Node::Boolean() const {
  if (is_scalar() && !is_quoted()) {
    const std::string& text = tree_->text;
    if (Contains(kTrue, text) || text == "on" || text == "yes") return true;
    if (Contains(kFalse, text) || text == "off" || text == "no") return false;
  }
  FailType("on or off");
}

std::vector<Node> Node::Items(std::string_view expected) const {
  if (!is_sequence()) FailType(expected);
  std::vector<Node> items;
  items.reserve(tree_->items.size());
  for (const auto& item : tree_->items) items.emplace_back(document_, item);
  return items;
}

std::vector<Entry> Node::Entries(std::string_view expected) const {
  if (!is_map()) FailType(expected);
  std::vector<Entry> entries;
  entries.reserve(tree_->pairs.size());
  for (const auto& [key, value] : tree_->pairs)
    entries.push_back({.key = Node(document_, key), .value = Node(document_, value)});
  return entries;
}

Fields Node::RequireMap(std::string_view expected, std::span<const Key> keys) const {
  Fields fields(*this, Entries(fmt::format("{} (a map)", expected)));
  std::vector<std::string> known;
  for (const Key& key : keys) known.emplace_back(key.name);
  for (const Entry& entry : Entries(expected)) {
    if (std::find(known.begin(), known.end(), entry.name()) != known.end()) continue;
    entry.key.Fail(fmt::format("unknown key {} in {}", Quoted(entry.name()), expected),
                   HintAmong(entry.name(), known));
  }
  for (const Key& key : keys) {
    if (key.required && !fields.Has(key.name))
      Fail(fmt::format("the key \"{}\" is missing in {}", key.name, expected));
  }
  return fields;
}

const Entry* Fields::FindEntry(std::string_view key) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name() == key; });
  return found == entries_.end() ? nullptr : &*found;
}

std::optional<Node> Fields::Find(std::string_view key) const {
  const Entry* entry = FindEntry(key);
  return entry != nullptr ? std::optional(entry->value) : std::nullopt;
}

const Node& Fields::At(std::string_view key) const {
  const Entry* entry = FindEntry(key);
  if (entry == nullptr) map_.Fail(fmt::format("the key \"{}\" is missing", key));
  return entry->value;
}

const Entry& Fields::OneOf(std::span<const std::string_view> keys) const {
  const Entry* one = nullptr;
  for (const Entry& entry : entries_) {
    if (!Contains(keys, entry.name())) continue;
    if (one != nullptr)
      entry.key.Fail(fmt::format("{} and {} exclude each other", Quoted(one->name()), Quoted(entry.name())),
                     fmt::format("give one of {}", OrList(keys)));
    one = &entry;
  }
  if (one == nullptr) map_.Fail(fmt::format("one of {} is missing", OrList(keys)));
  return *one;
}

std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string HintAmong(std::string_view word, const std::vector<std::string>& names) {
  return Printable(NearestHint(word, names));
}

std::string OrList(std::span<const std::string_view> words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i)
    list += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  return list;
}

}  // namespace knetlab
