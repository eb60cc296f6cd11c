// SPDX-License-Identifier: Apache-2.0
// knetlab schema: the JSON Schema of scenario files.
#include <nlohmann/json.hpp>

#include "harness/cli/verbs.h"
#include "harness/scenario/schema.h"

namespace knetlab {

std::vector<Verb> AddSchema(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("schema", "The JSON Schema of scenario files, for editors");
  AddOptions(*verb, options, {Opt::kOutput});
  verb->footer(
      "An editor with a YAML language server completes and checks a scenario that begins with\n\n"
      "  # yaml-language-server: $schema=PATH/schema.json");
  return {{verb, [](Session& session) {
             constexpr int kIndent = 1;
             session.output.Write(ScenarioSchema().dump(kIndent) + "\n");
             return kExitDone;
           }}};
}

}  // namespace knetlab
