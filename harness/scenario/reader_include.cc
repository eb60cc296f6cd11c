// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/reader_include.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <vector>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/yaml_node.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<YamlTree::Pointer, YamlTree::Pointer>>;

YamlTree::Pointer Merge(const YamlTree::Pointer& base, const YamlTree::Pointer& over) {
  if (base->kind != YamlTree::Kind::kMap || over->kind != YamlTree::Kind::kMap) return over;
  Pairs pairs = base->pairs;
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < pairs.size(); ++i) index.emplace(pairs[i].first->text, i);
  for (const auto& [key, value] : over->pairs) {
    const auto same = index.find(key->text);
    if (same == index.end()) {
      pairs.emplace_back(key, value);
    } else {
      pairs[same->second] = {key, Merge(pairs[same->second].second, value)};
    }
  }
  return MakeMap(*over, std::move(pairs));
}

std::vector<Key> KeysOfIncluded() {
  std::vector<Key> keys;
  for (const Key& key : kScenarioKeys) {
    if (key.name != "name" && key.name != "summary") keys.push_back({.name = key.name});
  }
  return keys;
}

class Loader {
 public:
  YamlTree::Pointer Load(const std::string& file);

 private:
  YamlTree::Pointer LoadIncluded(const Node& name);
  YamlTree::Pointer Resolve(const Node& root);

  std::vector<std::string> open_;       // canonical paths, the outermost first
  std::size_t bytes_ = 0, weight_ = 0;  // of all files together
};

std::string CanonicalPath(const std::string& file) {
  std::error_code error;
  const fs::path path = fs::canonical(file, error);
  return error ? file : path.string();
}

YamlTree::Pointer Loader::Load(const std::string& file) {
  open_.push_back(CanonicalPath(file));
  const auto document = ParseYamlFile(file);
  bytes_ += document->bytes;
  weight_ += document->weight;
  YamlTree::Pointer tree = Resolve({document, document->root});
  open_.pop_back();
  return tree;
}

YamlTree::Pointer Loader::LoadIncluded(const Node& name) {
  const std::string file = FindIncluded(name);
  const std::string path = CanonicalPath(file);
  if (std::find(open_.begin(), open_.end(), path) != open_.end()) {
    std::vector<std::string> way;
    for (const std::string& one : open_) way.push_back(Printable(fs::path(one).filename().string()));
    way.push_back(Printable(fs::path(path).filename().string()));
    name.Fail(fmt::format("{} includes itself", Quoted(name.tree()->text)),
              fmt::format("{}", fmt::join(way, " -> ")));
  }
  if (static_cast<int>(open_.size()) >= kMaxIncludeDepth)
    name.Fail(fmt::format("files include each other more than {} deep", kMaxIncludeDepth));
  YamlTree::Pointer tree = Load(file);
  if (bytes_ > kMaxYamlBytes || weight_ > kMaxYamlWeight)
    name.Fail(fmt::format("the files of the scenario have more than {} MiB or {} nodes together",
                          kMaxYamlBytes >> 20, kMaxYamlWeight));
  // A topology file (`knetlab topology up`) has the keys of a topology at its top.
  if (file.ends_with(".topology.yaml") || file.ends_with(".topology.yml"))
    return MakeMap(*tree, {{MakeScalar(*tree, "topology"), tree}});
  const Node root(name.document(), tree);
  root.RequireMap("an included file", KeysOfIncluded());
  return tree;
}

YamlTree::Pointer Loader::Resolve(const Node& root) {
  if (!root.is_map()) return root.tree();
  YamlTree::Pointer merged;
  Pairs own;
  for (const Entry& entry : root.Entries("a scenario")) {
    if (entry.name() != "include") {
      own.emplace_back(entry.key.tree(), entry.value.tree());
      continue;
    }
    for (const Node& name : entry.value.Items("a list of files to include")) {
      YamlTree::Pointer included = LoadIncluded(name);
      merged = merged ? Merge(merged, included) : included;
    }
  }
  if (!merged) return root.tree();
  return Merge(merged, MakeMap(*root.tree(), std::move(own)));
}

}  // namespace

std::shared_ptr<YamlDocument> ReadWithIncludes(const std::string& file) {
  return MakeDocument(Loader().Load(file));
}

}  // namespace knetlab
