// SPDX-License-Identifier: Apache-2.0
// knetlab validate: reads scenarios without running them, and reports all mistakes.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/failure.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/facilities.h"
#include "harness/scenario/reader.h"
#include "netns/error.h"

namespace knetlab {
namespace {

int Validate(Session& session, const std::vector<std::string>& paths) {
  const ReadOptions reading = {.object_folders = DefaultObjectFolders(), .features = FacilityNames()};
  const std::vector<std::string> files = FindScenarios(paths);
  std::vector<Scenario> suite;
  std::vector<Error> errors;
  for (const std::string& file : files) {
    for (const Error& error : FindMistakes(file, reading, suite)) errors.push_back(error);
  }
  try {
    RequireUniqueNames(suite);
  } catch (const Error& error) {
    errors.push_back(error);
  }

  if (session.options.json) {
    session.output.Write(DumpDocument(ValidateDocument(files.size(), errors)));
    return errors.empty() ? kExitDone : kExitRefused;
  }
  for (const Error& error : errors) fmt::print(stderr, "{}", MistakeText(error));
  if (!errors.empty()) {
    fmt::print(stderr, "{} in {}\n", FormatPlural(errors.size(), "mistake"),
               FormatPlural(files.size(), "scenario"));
    return kExitRefused;
  }
  session.output.Write(
      fmt::format("{} {} valid\n", FormatPlural(suite.size(), "scenario"), suite.size() == 1 ? "is" : "are"));
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddValidate(CLI::App& command, Options& options) {
  CLI::App* verb =
      command.add_subcommand("validate", "Read scenarios and report mistakes, without running anything");
  const auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATH", *paths, "scenario files, or folders of them")->required();
  AddOptions(*verb, options, {Opt::kJson, Opt::kOutput});
  return {{verb, [paths](Session& session) { return Validate(session, *paths); }}};
}

}  // namespace knetlab
