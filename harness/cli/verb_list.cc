// SPDX-License-Identifier: Apache-2.0
// knetlab list: what scenarios there are.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/facilities.h"
#include "harness/scenario/name_filter.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/suitable_rigs.h"

namespace knetlab {
namespace {

std::string Programs(const Scenario& scenario) {
  std::string text;
  for (const ProgramSpec& program : scenario.programs) {
    const std::string file = program.object.substr(program.object.rfind('/') + 1);
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", program.label, file);
  }
  return text;
}

int List(Session& session, const std::vector<std::string>& paths) {
  const ReadOptions reading = {.object_folders = DefaultObjectFolders(), .features = FacilityNames()};
  const ScenarioFilter filter(session.options.filters);
  std::vector<Scenario> scenarios;
  for (const std::string& file : FindScenarios(paths)) {
    for (Scenario& scenario : ReadScenarios(file, reading)) {
      if (filter.Takes(scenario)) scenarios.push_back(std::move(scenario));
    }
  }
  if (session.options.json) {
    session.output.Write(DumpDocument(ListDocument(scenarios)));
    return kExitDone;
  }
  constexpr std::size_t kSecond = 1;
  const bool colour = session.output.colour();
  Table table({{"name"}, {"rigs"}, {"tags"}, {"programs"}});
  for (const Scenario& scenario : scenarios) {
    table.Add({Cell(scenario.name, Style::kStrong),
               fmt::format("{}", fmt::join(SuitableRigs(scenario), ", ")),
               fmt::format("{}", fmt::join(scenario.tags, ", ")), Programs(scenario)});
    table.AddBelow(kSecond, {scenario.summary, Style::kDim});
  }
  session.output.Write(table.Render({.colour = colour}) + "\n" + FormatPlural(scenarios.size(), "scenario") +
                       "\n");
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddList(CLI::App& command, Options& options) {
  CLI::App* verb =
      command.add_subcommand("list", "The scenarios below PATH: what each is about and where it runs");
  const auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATH", *paths, "scenario files, or folders of them")->required();
  AddOptions(*verb, options, {Opt::kFilter, Opt::kJson, Opt::kOutput});
  return {{verb, [paths](Session& session) { return List(session, *paths); }}};
}

}  // namespace knetlab
