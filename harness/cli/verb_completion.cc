// SPDX-License-Identifier: Apache-2.0
// knetlab completion: what a shell sources to complete the command.
#include <CLI/CLI.hpp>
#include <memory>

#include "harness/cli/completion.h"
#include "harness/cli/verbs.h"

namespace knetlab {

std::vector<Verb> AddCompletion(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("completion", "Print a shell's completion script");
  const auto shell = std::make_shared<std::string>();
  verb->add_option("SHELL", *shell, "which shell")->check(CLI::IsMember({"bash", "zsh"}))->required();
  AddOptions(*verb, options, {Opt::kOutput});
  verb->footer(
      "It is installed with the command; this is for a command that is not.\n\n"
      "  source <(knetlab completion bash)");
  return {{verb, [shell, &command](Session& session) {
             const std::vector<VerbInfo> verbs = DescribeCommand(command);
             session.output.Write(*shell == "bash" ? BashCompletion(verbs) : ZshCompletion(verbs));
             return kExitDone;
           }}};
}

}  // namespace knetlab
