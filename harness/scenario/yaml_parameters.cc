// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/yaml_parameters.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "harness/scenario/reader_error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::size_t kMaxName = 64;

struct Use {
  std::size_t begin = 0, end = 0;  // of "${name}" in the text
  bool escaped = false;            // "$${": the text goes on behind the second "$"
  std::string name;
};

// The next "${" from `from` on. `name` is empty where it is no name, `end` at the text's end where "}" is
// missing.
std::optional<Use> NextUse(const std::string& text, std::size_t from) {
  const std::size_t at = text.find(kOpen, from);
  if (at == std::string::npos) return std::nullopt;
  Use use{.begin = at, .end = at + kOpen.size(), .name = ""};
  if (at > from && text[at - 1] == '$') {
    use.begin = at - 1;
    use.escaped = true;
    return use;
  }
  const std::size_t close = text.find('}', use.end);
  if (close == std::string::npos) return use;
  use.name = text.substr(use.end, close - use.end);
  use.end = close + 1;
  return use;
}

// Whether the whole text is one use.
bool IsWhole(const std::string& text, const Use& use) {
  return !use.escaped && use.begin == 0 && use.end == text.size();
}

void RequireName(const Use& use, const YamlTree& at) {
  if (IsParameterName(use.name)) return;
  FailAt(MarkOf(at),
         use.name.empty() ? "\"${\" without a name and \"}\""
                          : fmt::format("{} is no name of a parameter", Quoted(use.name)),
         "write ${name}, or $${ where the two characters are meant");
}

void CollectUses(const YamlTree& tree, std::set<std::string>& names) {
  for (auto use = NextUse(tree.text, 0); use; use = NextUse(tree.text, use->end)) {
    if (!use->escaped) names.insert(use->name);
  }
  for (const auto& item : tree.items) CollectUses(*item, names);
  for (const auto& [key, value] : tree.pairs) {
    CollectUses(*key, names);
    CollectUses(*value, names);
  }
}

}  // namespace

bool IsParameterName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || name.size() > kMaxName || !letter(name[0])) return false;
  for (const char c : name) {
    if (!letter(c) && (c < '0' || c > '9') && c != '-') return false;
  }
  return true;
}

std::set<std::string> UsedParameters(const YamlTree& tree) {
  std::set<std::string> names;
  CollectUses(tree, names);
  return names;
}

void Parameters::Charge(const YamlTree& use, std::size_t weight) {
  made_ += weight;
  if (made_ > kMaxYamlWeight)
    FailAt(MarkOf(use), fmt::format("with its parameters the file has more than {} nodes", kMaxYamlWeight));
}

YamlTree::Pointer Parameters::PutAt(const YamlTree& use, const YamlTree::Pointer& value) {
  auto copy = std::make_shared<YamlTree>(*value);
  copy->file = use.file;
  copy->line = use.line;
  copy->column = use.column;
  for (auto& item : copy->items) item = PutAt(use, item);
  for (auto& [key, content] : copy->pairs) {
    key = PutAt(use, key);
    content = PutAt(use, content);
  }
  return copy;
}

YamlTree::Pointer Parameters::Resolved(const std::string& name, const YamlTree& use) {
  if (const auto done = resolved_.find(name); done != resolved_.end()) return done->second;
  const auto value = values_.find(name);
  if (value == values_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, tree] : values_) names.push_back(known);
    FailAt(MarkOf(use), fmt::format("there is no parameter {}", Quoted(name)),
           names.empty() ? "the file declares none; $${ stands for the two characters"
                         : Printable(NearestHint(name, names)));
  }
  if (!open_.insert(name).second)
    FailAt(MarkOf(use), fmt::format("the parameter {} is made of itself", Quoted(name)));
  if (open_.size() > kMaxYamlDepth)
    FailAt(MarkOf(use), fmt::format("parameters made of each other more than {} deep", kMaxYamlDepth));
  YamlTree::Pointer tree = Substitute(value->second);
  open_.erase(name);
  resolved_.emplace(name, tree);
  return tree;
}

std::string Parameters::SubstituteText(const YamlTree& scalar) {
  const std::string& from = scalar.text;
  std::string text;
  std::size_t copied = 0;
  for (auto use = NextUse(from, 0); use; use = NextUse(from, use->end)) {
    text += from.substr(copied, use->begin - copied);
    copied = use->end;
    if (use->escaped) {
      text += kOpen;
    } else {
      RequireName(*use, scalar);
      const YamlTree::Pointer value = Resolved(use->name, scalar);
      if (value->kind != YamlTree::Kind::kScalar)
        FailAt(MarkOf(scalar), fmt::format("{} is no text that could be put into another", Quoted(use->name)),
               "a list or a map stands alone: \"${name}\"");
      text += value->text;
    }
    if (text.size() > kMaxSubstitutedText)
      FailAt(MarkOf(scalar),
             fmt::format("with its parameters a text of more than {} bytes", kMaxSubstitutedText));
  }
  return text + from.substr(copied);
}

YamlTree::Pointer Parameters::SubstituteScalar(const YamlTree::Pointer& scalar) {
  const auto use = NextUse(scalar->text, 0);
  if (!use) return scalar;
  if (!IsWhole(scalar->text, *use)) {
    auto made = MakeScalar(*scalar, SubstituteText(*scalar));
    Charge(*scalar, made->weight);
    return made;
  }
  RequireName(*use, *scalar);
  const YamlTree::Pointer value = Resolved(use->name, *scalar);
  Charge(*scalar, value->weight);
  return PutAt(*scalar, value);
}

YamlTree::Pointer Parameters::Substitute(const YamlTree::Pointer& tree) {
  if (tree->kind == YamlTree::Kind::kNull) return tree;
  if (tree->kind == YamlTree::Kind::kScalar) return SubstituteScalar(tree);
  bool changed = false;
  std::vector<YamlTree::Pointer> items;
  for (const auto& item : tree->items) {
    items.push_back(Substitute(item));
    changed = changed || items.back() != item;
  }
  std::vector<std::pair<YamlTree::Pointer, YamlTree::Pointer>> pairs;
  std::set<std::string> keys;
  for (const auto& [key, value] : tree->pairs) {
    YamlTree::Pointer name = key;
    if (NextUse(key->text, 0)) name = MakeScalar(*key, SubstituteText(*key));
    if (!keys.insert(name->text).second)
      FailAt(MarkOf(*key), fmt::format("the key {} is there twice", Quoted(name->text)));
    pairs.emplace_back(name, Substitute(value));
    changed = changed || name != key || pairs.back().second != value;
  }
  if (!changed) return tree;
  YamlTree::Pointer made = tree->kind == YamlTree::Kind::kMap ? MakeMap(*tree, std::move(pairs))
                                                              : MakeSequence(*tree, std::move(items));
  if (made->height > kMaxYamlDepth)
    FailAt(MarkOf(*tree), fmt::format("with its parameters nested more than {} levels deep", kMaxYamlDepth));
  return made;
}

}  // namespace knetlab
