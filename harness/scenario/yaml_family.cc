// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/yaml_family.h"

#include <fmt/format.h>

#include "harness/scenario/reader_error.h"

namespace knetlab {
namespace {

constexpr std::size_t kMaxDigits = 9;

struct Range {
  std::size_t begin = 0, end = 0;  // of "[1..3]" in the text
  std::uint64_t first = 0, last = 0;
  std::uint64_t size() const { return last - first + 1; }
};

// Digits at `at`, which moves behind them.
std::optional<std::uint64_t> Digits(const std::string& text, std::size_t& at) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
  if (end == at || end - at > kMaxDigits) return std::nullopt;
  const auto value = ParseUnsigned(std::string_view(text).substr(at, end - at));
  at = end;
  return value;
}

std::optional<Range> NextRange(const std::string& text, std::size_t from) {
  for (std::size_t open = text.find('[', from); open != std::string::npos; open = text.find('[', open + 1)) {
    Range range{.begin = open};
    std::size_t at = open + 1;
    const auto first = Digits(text, at);
    if (!first || text.compare(at, 2, "..") != 0) continue;
    at += 2;
    const auto last = Digits(text, at);
    if (!last || at == text.size() || text[at] != ']') continue;
    range.first = *first;
    range.last = *last;
    range.end = at + 1;
    return range;
  }
  return std::nullopt;
}

class Expansion {
 public:
  explicit Expansion(const Node& entry) : entry_(entry) { Measure(*entry.tree()); }

  // 0: no ranges.
  std::uint64_t size() const { return size_; }

  YamlTree::Pointer Member(std::uint64_t index) const { return Copy(entry_.tree(), index); }

 private:
  void Measure(const YamlTree& tree) {
    for (auto range = NextRange(tree.text, 0); range; range = NextRange(tree.text, range->end)) {
      const Mark mark = MarkOf(tree);
      if (range->first > range->last)
        FailAt(mark, fmt::format("the range of {} runs backwards", Quoted(tree.text)));
      if (range->size() > kMaxFamily)
        FailAt(mark, fmt::format("a family of {} members, more than {}", range->size(), kMaxFamily));
      if (size_ != 0 && range->size() != size_)
        FailAt(mark, fmt::format("a range of {} beside one of {}", range->size(), size_),
               "all ranges of an entry are counted in step");
      size_ = range->size();
    }
    for (const auto& item : tree.items) Measure(*item);
    for (const auto& [key, value] : tree.pairs) {
      Measure(*key);
      Measure(*value);
    }
  }

  static std::string MemberText(const std::string& text, std::uint64_t index) {
    std::string member;
    std::size_t copied = 0;
    for (auto range = NextRange(text, 0); range; range = NextRange(text, range->end)) {
      member += text.substr(copied, range->begin - copied) + std::to_string(range->first + index);
      copied = range->end;
    }
    return member + text.substr(copied);
  }

  static YamlTree::Pointer Copy(const YamlTree::Pointer& tree, std::uint64_t index) {
    auto copy = std::make_shared<YamlTree>(*tree);
    copy->text = MemberText(tree->text, index);
    for (auto& item : copy->items) item = Copy(item, index);
    for (auto& [key, value] : copy->pairs) {
      key = Copy(key, index);
      value = Copy(value, index);
    }
    return copy;
  }

  Node entry_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::vector<Node> ExpandFamilies(const Node& entry) {
  const Expansion expansion(entry);
  if (expansion.size() == 0) return {entry};
  entry.document()->weight += expansion.size() * entry.tree()->weight;
  if (entry.document()->weight > kMaxYamlWeight)
    entry.Fail(fmt::format("with the families expanded the file has more than {} nodes", kMaxYamlWeight));
  std::vector<Node> members;
  for (std::uint64_t i = 0; i < expansion.size(); ++i)
    members.emplace_back(entry.document(), expansion.Member(i));
  return members;
}

std::vector<Entry> ExpandFamilies(const Entry& entry) {
  auto both = std::make_shared<YamlTree>(*entry.key.tree());
  both->kind = YamlTree::Kind::kSequence;
  both->text.clear();
  both->items = {entry.key.tree(), entry.value.tree()};
  both->weight = 1 + entry.key.tree()->weight + entry.value.tree()->weight;
  std::vector<Entry> members;
  for (const Node& member : ExpandFamilies(Node(entry.key.document(), both))) {
    const auto& items = member.tree()->items;
    members.push_back({.key = Node(member.document(), items[0]), .value = Node(member.document(), items[1])});
  }
  return members;
}

std::vector<Node> ExpandedItems(const Node& list, std::string_view expected) {
  std::vector<Node> expanded;
  for (const Node& item : list.Items(expected)) {
    for (Node& member : ExpandFamilies(item)) expanded.push_back(std::move(member));
  }
  return expanded;
}

std::vector<Entry> ExpandedEntries(const Node& map, std::string_view expected) {
  std::vector<Entry> expanded;
  for (const Entry& entry : map.Entries(expected)) {
    for (Entry& member : ExpandFamilies(entry)) expanded.push_back(std::move(member));
  }
  return expanded;
}

}  // namespace knetlab
