// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/reader_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/yaml_parameters.h"

namespace knetlab {
namespace {

constexpr std::string_view kExclude = "exclude";
constexpr std::string_view kCase = "case";  // the parameter that holds the name of a named case

using Values = std::map<std::string, YamlTree::Pointer>;

struct Axis {
  std::string name;
  std::vector<Node> values;
};

struct NamedCase {
  std::string name;
  Values values;
  std::vector<Entry> entries;
};

std::string ParameterName(const Node& key) {
  const std::string& name = key.tree()->text;
  if (!IsParameterName(name))
    key.Fail(fmt::format("{} is no name for a parameter", Quoted(name)),
             "a letter, then letters, digits, \"_\" and \"-\"");
  if (name == kCase || name == kExclude)
    key.Fail(fmt::format("the name {} has a meaning of its own", Quoted(name)), "take another");
  return name;
}

// One text for equal values only, whatever their marks.
std::string Flat(const YamlTree& value) {
  std::string flat = fmt::format("{}:{}:{}", static_cast<int>(value.kind), value.text.size(), value.text);
  for (const auto& item : value.items) flat += Flat(*item) + ",";
  for (const auto& [key, content] : value.pairs) flat += Flat(*key) + "=" + Flat(*content) + ";";
  return flat + "/";
}

bool IsAboutCases(const std::string& key) {
  return key == "parameters" || key == "matrix" || key == "cases";
}

// Of what each case is a copy of.
std::size_t BodyWeight(const YamlTree& root) {
  std::size_t weight = 1;
  for (const auto& [key, value] : root.pairs) {
    if (!IsAboutCases(key->text)) weight += key->weight + value->weight;
  }
  return weight;
}

// What a value is called in the name of a case: its text, or its number where that would not read well, or
// not do as the name of a file (`--keep`) or as a word of `--filter`.
std::string Shown(const YamlTree& value, std::size_t index) {
  constexpr std::size_t kMost = 40;
  constexpr std::string_view kGood = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:+";
  const bool good = value.kind == YamlTree::Kind::kScalar && !value.text.empty() &&
                    value.text.size() <= kMost && value.text.find_first_not_of(kGood) == std::string::npos;
  return good ? value.text : fmt::format("#{}", index + 1);
}

class CaseReader {
 public:
  explicit CaseReader(const Node& root);
  std::vector<Case> Expand();

 private:
  void ReadParameters(const Node& node);
  void ReadMatrix(const Node& node);
  void ReadNamed(const Node& node);
  void ReadExclude(const Node& node);
  void RequireUse(const Node& key, const std::string& name) const;
  void CheckNumber() const;
  Case Make(const NamedCase* named, const std::vector<std::size_t>& at) const;
  bool Excluded(const Case& one);

  Node root_;
  std::optional<Node> matrix_;
  std::set<std::string> used_;
  Values parameters_;
  std::vector<Axis> axes_;
  std::vector<NamedCase> named_;
  struct Exclusion {
    Node node;
    std::map<std::string, std::string> values;  // Flat()
    bool matched = false;
  };
  std::vector<Exclusion> excluded_;
};

CaseReader::CaseReader(const Node& root) : root_(root), used_(UsedParameters(*root.tree())) {
  std::optional<Node> cases;
  for (const Entry& entry : root.Entries("a scenario")) {
    if (entry.name() == "parameters") ReadParameters(entry.value);
    if (entry.name() == "matrix") matrix_ = entry.value;
    if (entry.name() == "cases") cases = entry.value;
  }
  if (matrix_) ReadMatrix(*matrix_);
  if (cases) ReadNamed(*cases);
  CheckNumber();
}

void CaseReader::ReadParameters(const Node& node) {
  for (const Entry& entry : node.Entries("parameters (a map of name to value)"))
    parameters_[ParameterName(entry.key)] = entry.value.tree();
}

// What changes from case to case but is used nowhere is a name written wrong.
void CaseReader::RequireUse(const Node& key, const std::string& name) const {
  if (used_.count(name) != 0) return;
  key.Fail(fmt::format("{} changes nothing: there is no ${{{}}}", Quoted(name), name),
           HintAmong(name, {used_.begin(), used_.end()}));
}

void CaseReader::ReadMatrix(const Node& node) {
  std::optional<Node> exclude;
  for (const Entry& entry : node.Entries("a matrix (a map of parameter to list of values)")) {
    if (entry.name() == kExclude) {
      exclude = entry.value;
      continue;
    }
    if (entry.name() == "include")
      entry.key.Fail("a matrix has no \"include\"", "single cases of their own go into \"cases\"");
    Axis axis{.name = ParameterName(entry.key), .values = entry.value.Items("a list of values")};
    RequireUse(entry.key, axis.name);
    if (axis.values.empty()) entry.value.Fail("a list without values: no case is left");
    std::set<std::string> seen;
    for (const Node& value : axis.values) {
      if (!seen.insert(Flat(*value.tree())).second) value.Fail("the value is there twice");
    }
    axes_.push_back(std::move(axis));
  }
  if (axes_.empty())
    node.Fail("the matrix has no values: no case is left", "such as mode: [native, generic]");
  if (exclude) ReadExclude(*exclude);
}

void CaseReader::ReadExclude(const Node& node) {
  std::vector<std::string> names{std::string(kCase)};
  for (const Axis& axis : axes_) names.push_back(axis.name);
  for (const Node& item : node.Items("a list of combinations to leave out")) {
    Exclusion exclusion{.node = item, .values = {}};
    for (const Entry& entry : item.Entries("a combination (a map of parameter to value)")) {
      if (std::find(names.begin(), names.end(), entry.name()) == names.end())
        entry.key.Fail(fmt::format("{} is not in the matrix", Quoted(entry.name())),
                       HintAmong(entry.name(), names));
      exclusion.values[entry.name()] = Flat(*entry.value.tree());
    }
    if (exclusion.values.empty()) item.Fail("a combination without values would leave out all of them");
    excluded_.push_back(std::move(exclusion));
  }
}

void CaseReader::ReadNamed(const Node& node) {
  for (const Entry& entry : node.Entries("cases (a map of name to parameters)")) {
    NamedCase named{.name = ReadLabel(entry.key, "a case"), .values = {}, .entries = {}};
    named.values[std::string(kCase)] = entry.key.tree();
    if (entry.value.tree()->kind != YamlTree::Kind::kNull)
      named.entries = entry.value.Entries("the parameters of a case (a map)");
    for (const Entry& parameter : named.entries) {
      const std::string name = ParameterName(parameter.key);
      RequireUse(parameter.key, name);
      if (std::any_of(axes_.begin(), axes_.end(), [&](const Axis& axis) { return axis.name == name; }))
        parameter.key.Fail(fmt::format("{} is in the matrix too", Quoted(name)));
      named.values[name] = parameter.value.tree();
    }
    named_.push_back(std::move(named));
  }
  if (named_.empty()) node.Fail("no case is left", "leave \"cases\" out where there is but one");
}

void CaseReader::CheckNumber() const {
  const Node& at = matrix_ ? *matrix_ : root_;
  std::size_t number = std::max<std::size_t>(named_.size(), 1);
  for (const Axis& axis : axes_) {
    number *= axis.values.size();  // no overflow: both factors are below a few hundred thousand
    if (number > kMaxCases) break;
  }
  if (number > kMaxCases) at.Fail(fmt::format("more than {} cases", kMaxCases), "split the file");
  const std::size_t each = BodyWeight(*root_.tree()) + excluded_.size() * axes_.size();
  if (number > 1 && number * each > kMaxCasesWeight)
    at.Fail(fmt::format("{} cases of a scenario this long are too many", number), "split the file");
}

Case CaseReader::Make(const NamedCase* named, const std::vector<std::size_t>& at) const {
  Case one{.name = "", .parameters = parameters_, .own = {}};
  if (named != nullptr) {
    one.name = named->name;
    one.own.emplace_back(kCase, named->name);
    for (const auto& [name, value] : named->values) one.parameters[name] = value;
    for (const Entry& entry : named->entries)
      one.own.emplace_back(entry.name(), Shown(*entry.value.tree(), 0));
  }
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const YamlTree::Pointer& value = axes_[i].values[at[i]].tree();
    const std::string shown = Shown(*value, at[i]);
    one.name += fmt::format("{}{}={}", one.name.empty() ? "" : ",", axes_[i].name, shown);
    one.own.emplace_back(axes_[i].name, shown);
    one.parameters[axes_[i].name] = value;
  }
  return one;
}

bool CaseReader::Excluded(const Case& one) {
  bool excluded = false;
  for (Exclusion& exclusion : excluded_) {
    const bool all = std::all_of(exclusion.values.begin(), exclusion.values.end(), [&](const auto& pair) {
      const auto value = one.parameters.find(pair.first);
      return value != one.parameters.end() && Flat(*value->second) == pair.second;
    });
    exclusion.matched = exclusion.matched || all;
    excluded = excluded || all;
  }
  return excluded;
}

std::vector<Case> CaseReader::Expand() {
  std::vector<Case> cases;
  for (std::size_t n = 0; n < std::max<std::size_t>(named_.size(), 1); ++n) {
    const NamedCase* named = named_.empty() ? nullptr : &named_[n];
    std::vector<std::size_t> at(axes_.size(), 0);
    for (bool more = true; more;) {
      Case one = Make(named, at);
      if (!Excluded(one)) cases.push_back(std::move(one));
      more = false;
      for (std::size_t axis = axes_.size(); axis > 0 && !more; --axis) {
        more = ++at[axis - 1] < axes_[axis - 1].values.size();
        if (!more) at[axis - 1] = 0;
      }
    }
  }
  for (const Exclusion& exclusion : excluded_) {
    if (!exclusion.matched) exclusion.node.Fail("there is no such combination to leave out");
  }
  if (cases.empty()) matrix_->Fail("the matrix expands to nothing: all of its combinations are left out");
  return cases;
}

}  // namespace

std::vector<Case> ReadCases(const Node& root) {
  return CaseReader(root).Expand();
}

YamlTree::Pointer TreeOfCase(const YamlTree& root, const Case& one) {
  std::vector<std::pair<YamlTree::Pointer, YamlTree::Pointer>> pairs;
  std::pair<YamlTree::Pointer, YamlTree::Pointer> name;
  for (const auto& pair : root.pairs) {
    if (pair.first->text == "name") {
      name = pair;
    } else if (!IsAboutCases(pair.first->text)) {
      pairs.push_back(pair);
    }
  }
  YamlTree::Pointer filled = Parameters(one.parameters).Substitute(MakeMap(root, std::move(pairs)));
  if (!name.first) return filled;
  pairs = filled->pairs;
  pairs.insert(pairs.begin(), std::move(name));
  return MakeMap(root, std::move(pairs));
}

}  // namespace knetlab
