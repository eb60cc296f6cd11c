// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/man_page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "harness/cli/command_test_support.h"
#include "harness/cli/verbs.h"

namespace knetlab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::vector<VerbInfo> Verbs() {
  CLI::App app;
  Options options;
  BuildCommand(app, options);
  return DescribeCommand(app);
}

Finished Tool(std::vector<std::string> words) {
  RunningCommand command(std::move(words), true);
  return command.Wait();
}

TEST(ManPages, HaveNothingThatMandocOrGroffWarnsOf) {
  const TestFolder folder;
  const std::vector<VerbInfo> verbs = Verbs();
  for (const VerbInfo& verb : verbs) {
    const std::string page = folder.Write(ManPageName(verb) + ".1", ManPage(verb, verbs, "2026-11-22"));
    const Finished mandoc = Tool({"mandoc", "-Tlint", "-Wwarning", page});
    EXPECT_EQ(mandoc.status, 0) << mandoc.out << mandoc.err;
    const Finished groff = Tool({"groff", "-man", "-ww", "-Tascii", "-z", page});
    EXPECT_EQ(groff.err, "");
  }
}

TEST(ManPages, TellOptionsWithTheirValuesAndChoices) {
  const TestFolder folder;
  ASSERT_EQ(RunKnetlab({"man", "--folder", folder.Path("")}).status, 0);
  const Finished shown = Tool({"mandoc", "-Tascii", "-Owidth=200", folder.Path("knetlab-run.1")});
  // Bold and italic letters are printed over themselves.
  std::string text;
  for (const char letter : shown.out) letter == '\b' ? text.pop_back() : text.push_back(letter);
  EXPECT_THAT(text, AllOf(HasSubstr("KNETLAB-RUN(1)"), HasSubstr("knetlab run PATH... [OPTION...]"),
                          HasSubstr("-j, --jobs N"), HasSubstr("unit (BPF_PROG_TEST_RUN)"),
                          HasSubstr("sudo knetlab run scenarios/smoke -j 2"), HasSubstr("knetlab-try(1)")));
}

TEST(ManPages, OfOneVerbGoToStdout) {
  EXPECT_THAT(RunKnetlab({"man", "topology", "up"}).out,
              testing::StartsWith(".TH KNETLAB\\-TOPOLOGY\\-UP 1 "));
  const Finished missing = RunKnetlab({"man", "topology", "upp"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("knetlab topology up"));
}

// docs/cli.md has it between two marks.
TEST(OptionTable, OfTheDocumentsIsTheCommandsOwn) {
  const std::string text = ReadWhole(KNETLAB_DOCS "/cli.md");
  const std::string begin = "<!-- options -->\n", end = "<!-- end of options -->";
  const std::size_t from = text.find(begin), to = text.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::string table = OptionTable(Verbs());
  EXPECT_EQ(text.substr(from + begin.size(), to - from - begin.size()), table) << "docs/cli.md should have:\n"
                                                                               << table;
}

TEST(Documents, NameEachVerbAndTheQuestionItAnswers) {
  const std::string text = ReadWhole(KNETLAB_DOCS "/cli.md");
  for (const VerbInfo& verb : Verbs()) {
    if (verb.path.size() != 1) continue;
    EXPECT_THAT(text, HasSubstr(fmt::format("\n| [`{}`](", verb.path[0])));
  }
}

}  // namespace
}  // namespace knetlab
