// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/name_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>

#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::string_view kTag = "tag:";

Error Wrong(const std::string& filter, std::string why, std::string hint) {
  return Error({.what = "read filter",
                .where = fmt::format("\"{}\"", filter),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

}  // namespace

ScenarioFilter::ScenarioFilter(const std::vector<std::string>& filters) {
  for (const std::string& filter : filters) {
    std::vector<Term> terms;
    std::istringstream words(filter);
    for (std::string word; words >> word;) {
      Term term;
      term.negated = word.starts_with('!');
      if (term.negated) word.erase(0, 1);
      term.is_tag = word.starts_with(kTag);
      if (term.is_tag) word.erase(0, kTag.size());
      if (word.empty()) throw Wrong(filter, "a word of it says nothing", "TEXT, tag:TAG, !TEXT or !tag:TAG");
      term.text = std::move(word);
      terms.push_back(std::move(term));
    }
    if (terms.empty()) throw Wrong(filter, "it has no words", "leave --filter out for all scenarios");
    any_.push_back(std::move(terms));
    text_ += fmt::format("{}\"{}\"", text_.empty() ? "" : " or ", filter);
  }
}

bool ScenarioFilter::Term::Holds(const Scenario& scenario) const {
  const bool found = is_tag
                         ? std::find(scenario.tags.begin(), scenario.tags.end(), text) != scenario.tags.end()
                         : scenario.name.find(text) != std::string::npos;
  return found != negated;
}

bool ScenarioFilter::Takes(const Scenario& scenario) const {
  if (any_.empty()) return true;
  return std::any_of(any_.begin(), any_.end(), [&](const std::vector<Term>& terms) {
    return std::all_of(terms.begin(), terms.end(), [&](const Term& term) { return term.Holds(scenario); });
  });
}

void ScenarioFilter::ThrowNoneTaken(const std::vector<Scenario>& all) const {
  std::set<std::string> tags, names;
  for (const Scenario& scenario : all) {
    names.insert(scenario.name);
    tags.insert(scenario.tags.begin(), scenario.tags.end());
  }
  std::string hint;
  for (const std::vector<Term>& terms : any_) {
    for (const Term& term : terms) {
      if (!term.is_tag || tags.contains(term.text) || !hint.empty()) continue;
      hint = NearestHint(term.text, {tags.begin(), tags.end()});
    }
  }
  throw Error({.what = "choose scenarios",
               .where = text_,
               .why = fmt::format("none of {} is taken by the filter", all.size()),
               .hint = hint.empty() ? "knetlab list shows names and tags" : hint,
               .detail = "",
               .code = ENOENT});
}

}  // namespace knetlab
