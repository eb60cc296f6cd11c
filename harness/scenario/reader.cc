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

// Data of UDP and TCP sockets begin behind all headers.
void RequireFramesForFilters(const Scenario& scenario) {
  for (const ProgramSpec& program : scenario.programs) {
    if (program.filter.empty()) continue;
    for (const AttachSpec& attach : program.attach) {
      const bool payload =
          std::any_of(scenario.sockets.begin(), scenario.sockets.end(), [&](const SocketSpec& one) {
            return attach.kind == "socket" && one.label == attach.target &&
                   one.kind != SocketSpec::Kind::kPacket;
          });
      if (payload) {
        FailAt(attach.mark,
               fmt::format("the socket {} sees no headers, which the filter is about", Quoted(attach.target)),
               "a packet socket sees them; or attach the filter to the endpoint");
      }
    }
  }
}

Scenario ReadScenarioTree(const Node& root, const std::string& file, const ReadOptions& options,
                          Mistakes& mistakes) {
  const Fields fields(root, root.Entries("a scenario"));  // the keys are checked before there are cases
  Scenario scenario;
  scenario.file = file;
  const auto read = [&](std::string_view key, const auto& work) {
    if (const auto part = fields.Find(key)) mistakes.Try([&] { work(*part); });
  };
  read("name", [&](const Node& name) {
    scenario.name_mark = name.mark();
    scenario.name = ReadName(name);
  });
  read("summary", [&](const Node& summary) { scenario.summary = summary.String("a sentence"); });
  read("tags", [&](const Node& tags) { scenario.tags = ReadLabels(tags, "a tag"); });
  read("requires",
       [&](const Node& features) { scenario.requires_features = ReadFeatures(features, options); });
  read("timeout", [&](const Node& timeout) { scenario.timeout_s = ReadTimeout(timeout); });
  read("repeat",
       [&](const Node& repeat) { scenario.repeat = static_cast<int>(repeat.Integer(1, kMostRepeats)); });
  read("care", [&](const Node& care) { scenario.care = care.Boolean(); });
  ReadContext context{.options = options, .mistakes = mistakes};
  if (const auto topology = fields.Find("topology")) {
    const bool good = mistakes.Try([&] { scenario.topology = ReadTopologySection(*topology, context); });
    context.has_topology = true;
    if (!good) {
      context.namespaces.MarkIncomplete();
      context.endpoints.MarkIncomplete();
    }
  }
  scenario.topology_marks = TopologyMarks(context);
  read("sockets", [&](const Node& sockets) { scenario.sockets = ReadSocketsSection(sockets, context); });
  read("programs", [&](const Node& programs) {
    scenario.programs = ReadProgramsSection(programs, context);
    RequireFramesForFilters(scenario);
  });
  read("capture", [&](const Node& capture) { scenario.capture = ReadCaptureSection(capture, context); });
  read("steps", [&](const Node& steps) { scenario.steps = ReadStepsSection(steps, context); });
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
Error InCase(const Case& one, const Error& error) {
  if (one.name.empty()) return error;
  ErrorParts parts = error.parts();
  parts.why += fmt::format(" (in the case {})", one.name);
  return Error(parts);
}

Scenario ReadCase(const Node& root, const Case& one, const std::string& file, const ReadOptions& options,
                  Mistakes& mistakes) {
  Scenario scenario;
  try {
    scenario = ReadScenarioTree(RootOfCase(root, one), file, options, mistakes);
  } catch (const Error& error) {
    throw InCase(one, error);
  }
  scenario.parameters = one.own;
  if (!one.name.empty()) scenario.name += fmt::format("[{}]", one.name);
  return scenario;
}

// What ends the reading goes to the mistakes before it.
void CollectFrom(const std::string& file, const ReadOptions& options, Mistakes& mistakes,
                 std::vector<Scenario>& suite) {
  const Node root = ReadRoot(file);
  mistakes.Try([&] { root.RequireMap("a scenario", kScenarioKeys); });
  std::vector<Scenario> scenarios;
  for (const Case& one : ReadCases(root)) {
    const std::size_t before = mistakes.found().size();
    scenarios.push_back(ReadCase(root, one, file, options, mistakes));
    for (std::size_t i = before; i < mistakes.found().size(); ++i)
      mistakes.found()[i] = InCase(one, mistakes.found()[i]);
    if (!mistakes.found().empty()) return;  // other cases would only repeat them
  }
  for (Scenario& scenario : scenarios) suite.push_back(std::move(scenario));
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
  Mistakes mistakes(Mistakes::Policy::kThrow);
  std::vector<Scenario> scenarios;
  for (const Case& one : ReadCases(root)) scenarios.push_back(ReadCase(root, one, file, options, mistakes));
  return scenarios;
}

std::vector<Error> FindMistakes(const std::string& file, const ReadOptions& options,
                                std::vector<Scenario>& suite) {
  Mistakes mistakes(Mistakes::Policy::kCollect);
  try {
    CollectFrom(file, options, mistakes, suite);
  } catch (const Error& error) {
    mistakes.found().push_back(error);
  }
  return std::move(mistakes.found());
}

TopologySpec ReadTopology(const std::string& file) {
  const Node root = ReadRoot(file);
  const ReadOptions options;
  Mistakes mistakes(Mistakes::Policy::kThrow);
  ReadContext context{.options = options, .mistakes = mistakes};
  if (!HasKeyOf(root, kScenarioKeys)) return ReadTopologySection(root, context);
  // Of a scenario only the topology matters: what it needs besides may be missing here.
  std::vector<Key> keys;
  for (const Key& key : kScenarioKeys) keys.push_back({.name = key.name, .required = key.name == "topology"});
  root.RequireMap("a scenario", keys);
  const Case first = ReadCases(root).front();
  try {
    return ReadTopologySection(RootOfCase(root, first).RequireMap("a scenario", keys).At("topology"),
                               context);
  } catch (const Error& error) {
    throw InCase(first, error);
  }
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
