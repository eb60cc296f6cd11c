// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "harness/scenario/reader_cases.h"
#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_include.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

constexpr double kMostSeconds = 24 * 3600;
constexpr std::int64_t kMostRepeats = 10'000;

std::string ReadName(const Node& node) {
  const std::string& name = node.String("the name of a scenario");
  const bool good = !name.empty() && name.size() <= 100 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!good)
    node.Fail(fmt::format("{} is no name for a scenario", Quoted(name)), "small letters, digits and \"-\"");
  return name;
}

// "10s", "500ms", or seconds.
double ReadTimeout(const Node& node) {
  constexpr std::string_view kExpected = "a time, such as 10s or 500ms";
  std::string text = node.Text(kExpected);
  double unit = 1;
  if (text.ends_with("ms")) {
    unit = 1e-3;
    text.resize(text.size() - 2);
  } else if (text.ends_with('s')) {
    text.pop_back();
  }
  auto bare = std::make_shared<YamlTree>(*node.tree());
  bare->text = text;
  bare->quoted = false;
  const Node number(node.document(), bare);
  if (!number.is_number()) node.FailType(kExpected);
  const double seconds = number.Number(kExpected) * unit;
  if (seconds <= 0 || seconds > kMostSeconds) node.Fail("a timeout is more than 0 and at most a day");
  return seconds;
}

std::vector<std::string> ReadFeatures(const Node& node, const ReadOptions& options) {
  std::vector<std::string> features = ReadLabels(node, "a feature");
  const std::vector<Node> items = node.Items("a list of features");
  for (std::size_t i = 0; i < features.size() && !options.features.empty(); ++i) {
    const auto& known = options.features;
    if (std::find(known.begin(), known.end(), features[i]) == known.end())
      items[i].Fail(fmt::format("{} is no feature that is probed", Quoted(features[i])),
                    HintAmong(features[i], known));
  }
  return features;
}

std::map<std::string, Mark> TopologyMarks(const ReadContext& context) {
  std::map<std::string, Mark> marks = context.namespaces.marks();
  marks.insert(context.endpoints.marks().begin(), context.endpoints.marks().end());
  return marks;
}

Scenario ReadScenarioTree(const Node& root, const std::string& file, const ReadOptions& options) {
  const Fields fields = root.RequireMap("a scenario", kScenarioKeys);
  Scenario scenario;
  scenario.file = file;
  const Node& name = fields.At("name");
  scenario.name = ReadName(name);
  scenario.name_mark = name.mark();
  scenario.summary = fields.At("summary").String("a sentence");
  if (const auto tags = fields.Find("tags")) scenario.tags = ReadLabels(*tags, "a tag");
  if (const auto features = fields.Find("requires"))
    scenario.requires_features = ReadFeatures(*features, options);
  if (const auto timeout = fields.Find("timeout")) scenario.timeout_s = ReadTimeout(*timeout);
  if (const auto repeat = fields.Find("repeat"))
    scenario.repeat = static_cast<int>(repeat->Integer(1, kMostRepeats));
  if (const auto care = fields.Find("care")) scenario.care = care->Boolean();
  ReadContext context{.options = options};
  if (const auto topology = fields.Find("topology"))
    scenario.topology = ReadTopologySection(*topology, context);
  scenario.topology_marks = TopologyMarks(context);
  if (const auto sockets = fields.Find("sockets")) scenario.sockets = ReadSocketsSection(*sockets, context);
  if (const auto programs = fields.Find("programs"))
    scenario.programs = ReadProgramsSection(*programs, context);
  scenario.steps = ReadStepsSection(fields.At("steps"), context);
  return scenario;
}

Node ReadRoot(const std::string& file) {
  const auto document = ReadWithIncludes(file);
  return {document, document->root};
}

Node RootOfCase(const Node& root, const Case& one) {
  const auto document = MakeDocument(TreeOfCase(*root.tree(), one));
  return {document, document->root};
}

// A mistake of one case is told with its name, since the line is the same for all of them.
template <typename F>
auto InCase(const Case& one, F&& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (one.name.empty()) throw;
    ErrorParts parts = error.parts();
    parts.why += fmt::format(" (in the case {})", one.name);
    throw Error(parts);
  }
}

bool HasKeyOf(const Node& map, std::span<const Key> keys) {
  for (const Entry& entry : map.Entries("a topology (a map)")) {
    if (std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return key.name == entry.name(); }))
      return true;
  }
  return false;
}

}  // namespace

std::vector<Scenario> ReadScenarios(const std::string& file, const ReadOptions& options) {
  const Node root = ReadRoot(file);
  root.RequireMap("a scenario", kScenarioKeys);
  std::vector<Scenario> scenarios;
  for (const Case& one : ReadCases(root)) {
    scenarios.push_back(InCase(one, [&] { return ReadScenarioTree(RootOfCase(root, one), file, options); }));
    scenarios.back().parameters = one.own;
    if (!one.name.empty()) scenarios.back().name += fmt::format("[{}]", one.name);
  }
  return scenarios;
}

TopologySpec ReadTopology(const std::string& file) {
  const Node root = ReadRoot(file);
  const ReadOptions options;
  ReadContext context{.options = options};
  if (!HasKeyOf(root, kScenarioKeys)) return ReadTopologySection(root, context);
  // Of a scenario only the topology matters: what it needs besides may be missing here.
  std::vector<Key> keys;
  for (const Key& key : kScenarioKeys) keys.push_back({.name = key.name, .required = key.name == "topology"});
  root.RequireMap("a scenario", keys);
  const Case first = ReadCases(root).front();
  return InCase(first, [&] {
    return ReadTopologySection(RootOfCase(root, first).RequireMap("a scenario", keys).At("topology"),
                               context);
  });
}

void RequireUniqueNames(const std::vector<Scenario>& suite) {
  std::map<std::string, const Scenario*> names;
  for (const Scenario& scenario : suite) {
    const auto [first, is_new] = names.emplace(scenario.name, &scenario);
    if (!is_new)
      FailAt(scenario.name_mark,
             fmt::format("the name {} is there twice in the suite", Quoted(scenario.name)),
             fmt::format("the first is at {}", first->second->name_mark.ToString()));
  }
}

}  // namespace knetlab
