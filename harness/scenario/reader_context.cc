// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/reader_context.h"

#include <fmt/format.h>
#include <net/if.h>

#include "harness/scenario/reader_error.h"

namespace knetlab {
namespace {

constexpr std::size_t kMaxLabel = 64;
constexpr std::size_t kMaxSymbol = 256;
constexpr std::string_view kLabelCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

bool IsLabel(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabel && text[0] != '.' && text[0] != '-' &&
         text.find_first_not_of(kLabelCharacters) == std::string_view::npos;
}

}  // namespace

void DeclaredNames::Add(const Node& node, const std::string& name) {
  const auto [first, is_new] = marks_.emplace(name, node.mark());
  if (!is_new)
    node.Fail(fmt::format("{} {} is declared twice", kind_.substr(kind_.find(' ') + 1), Quoted(name)),
              fmt::format("the first is in line {}", first->second.line));
}

const std::string& DeclaredNames::Require(const Node& node, const std::string& name) const {
  if (Has(name)) return name;
  if (incomplete_) throw FollowUpMistake{};
  std::vector<std::string> names;
  for (const auto& [declared, mark] : marks_) names.push_back(declared);
  std::string hint = names.empty() ? "the file declares none" : HintAmong(name, names);
  node.Fail(fmt::format("{} {} is not declared", kind_.substr(kind_.find(' ') + 1), Quoted(name)),
            std::move(hint));
}

std::string ReadLabel(const Node& node, std::string_view what) {
  const std::string& text = node.Text(what);
  if (!IsLabel(text))
    node.Fail(fmt::format("{} is no name for {}", Quoted(text), what),
              fmt::format("letters, digits, \"_\", \"-\" and \".\", at most {}", kMaxLabel));
  return text;
}

std::string ReadSymbol(const Node& node, std::string_view what) {
  const std::string& text = node.String(what);
  if (text.empty() || text.size() > kMaxSymbol ||
      text.find_first_not_of(kLabelCharacters) != std::string::npos)
    node.Fail(fmt::format("{} is no name for {}", Quoted(text), what));
  return text;
}

std::string ReadInterfaceName(const Node& node, const std::string& name) {
  if (name.size() >= IFNAMSIZ)
    node.Fail(fmt::format("the interface name {} has {} characters", Quoted(name), name.size()),
              fmt::format("the kernel takes {}", IFNAMSIZ - 1));
  if (!IsLabel(name)) node.Fail(fmt::format("{} is no name for an interface", Quoted(name)));
  return name;
}

std::vector<std::string> ReadLabels(const Node& node, std::string_view what) {
  std::vector<std::string> labels;
  for (const Node& item : node.Items(fmt::format("a list of {}", what)))
    labels.push_back(ReadLabel(item, what));
  return labels;
}

}  // namespace knetlab
