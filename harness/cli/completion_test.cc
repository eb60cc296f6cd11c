// SPDX-License-Identifier: Apache-2.0
// The scripts in the shells they are for.
#include "harness/cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "harness/cli/command_test_support.h"
#include "harness/cli/verbs.h"

namespace knetlab {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

class Completion : public testing::Test {
 protected:
  Completion() {
    CLI::App app;
    Options options;
    BuildCommand(app, options);
    const std::vector<VerbInfo> verbs = DescribeCommand(app);
    bash_ = folder_.Write("knetlab.bash", BashCompletion(verbs));
    zsh_ = folder_.Write("_knetlab", ZshCompletion(verbs));
  }
  static Finished Shell(std::vector<std::string> words) {
    RunningCommand command(std::move(words), true);
    return command.Wait();
  }
  // What bash would offer for the last of these words.
  std::vector<std::string> Offered(const std::vector<std::string>& words) const {
    std::string list;
    for (const std::string& word : words) list += fmt::format(" '{}'", word);
    const std::string script = fmt::format(
        "source {}; COMP_WORDS=({}); COMP_CWORD={}; _knetlab; printf '%s\\n' \"${{COMPREPLY[@]}}\"", bash_,
        list, words.size() - 1);
    const Finished finished = Shell({"bash", "--norc", "-c", script});
    EXPECT_EQ(finished.err, "");
    std::vector<std::string> offered;
    std::istringstream lines(finished.out);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) offered.push_back(line);
    }
    return offered;
  }

  TestFolder folder_;
  std::string bash_, zsh_;
};

TEST_F(Completion, BashTakesTheScriptAndUsesItForTheCommand) {
  EXPECT_EQ(Shell({"bash", "-n", bash_}).status, 0);
  EXPECT_EQ(Shell({"bash", "--norc", "-c", fmt::format("source {}; complete -p knetlab", bash_)}).out,
            "complete -F _knetlab knetlab\n");
}

TEST_F(Completion, BashOffersVerbsOptionsAndChoices) {
  EXPECT_THAT(Offered({"knetlab", "t"}), ElementsAre("try", "topology"));
  EXPECT_THAT(Offered({"knetlab", "topology", ""}), ElementsAre("up", "shell", "down"));
  EXPECT_THAT(Offered({"knetlab", "run", "--re"}), IsSupersetOf({"--repeat", "--report"}));
  EXPECT_THAT(Offered({"knetlab", "run", "--rig", ""}), IsSupersetOf({"unit", "wire"}));
  EXPECT_THAT(Offered({"knetlab", "run", "--rig", "=", "u"}), ElementsAre("unit"));
  EXPECT_THAT(Offered({"knetlab", "try", "--hook", "tc"}), ElementsAre("tc-ingress", "tc-egress"));
  EXPECT_THAT(Offered({"knetlab", "completion", ""}), ElementsAre("bash", "zsh"));
  EXPECT_THAT(Offered({"knetlab", "run", "-j", ""}), IsEmpty()) << "a number of one's own";
}

TEST_F(Completion, BashOffersFilesWhereAFileIsWanted) {
  EXPECT_THAT(Offered({"knetlab", "run", bash_.substr(0, bash_.size() - 2)}), ElementsAre(bash_));
  EXPECT_THAT(Offered({"knetlab", "run", "x.yaml", "-o", bash_.substr(0, bash_.size() - 2)}),
              ElementsAre(bash_));
  EXPECT_THAT(Offered({"knetlab", "run", "--report", "junit", ":", bash_.substr(0, bash_.size() - 2)}),
              ElementsAre(bash_));
}

TEST_F(Completion, ZshTakesTheScriptAndUsesItForTheCommand) {
  EXPECT_EQ(Shell({"zsh", "-n", zsh_}).status, 0);
  const std::string load = fmt::format("autoload -U compinit; compinit -D -u; source {}; ", zsh_);
  const Finished loaded =
      Shell({"zsh", "-f", "-c", load + "print $_comps[knetlab] $+functions[_knetlab_topology_up]"});
  EXPECT_EQ(loaded.err, "");
  EXPECT_EQ(loaded.out, "_knetlab 1\n");
}

// What zsh itself shows, on a terminal of its own: the words that Tab adds are read back from the line.
TEST_F(Completion, ZshCompletesVerbsOptionsAndChoices) {
  const auto completed = [&](const std::string& line) {
    const std::string script =
        "zmodload zsh/zpty; zpty shell zsh -f -i; "
        "zpty -w shell \"PS1=; autoload -U compinit; compinit -D -u; source " +
        zsh_ +
        "; bindkey '^I' complete-word; knetlab() { print -r -- \\\"[[\\$*]]\\\" }; print ready''now\"; "
        "zpty -r shell text '*readynow*'; zpty -w -n shell $'" +
        line +
        "\\t\\n'; "
        "zpty -r shell text '*\\]\\]*'; print -r -- ${${text##*\\[\\[}%%\\]\\]*}";
    return Shell({"timeout", "20", "zsh", "-f", "-c", script}).out;
  };
  EXPECT_EQ(completed("knetlab valid"), "validate\n");
  EXPECT_EQ(completed("knetlab run --fail"), "run --fail-fast\n");
  EXPECT_EQ(completed("knetlab try --hook so"), "try --hook socket\n");
  EXPECT_EQ(completed("knetlab topology sh"), "topology shell\n");
}

}  // namespace
}  // namespace knetlab
