// SPDX-License-Identifier: Apache-2.0
// What holds for every verb: usage, exit statuses, output, interruption.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "harness/cli/command_test_support.h"

namespace knetlab {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Usage, HelpAndVersionGoToStdoutAndAreNoFailure) {
  const Finished help = RunKnetlab({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.err, IsEmpty());
  for (const char* verb : {"doctor", "try", "list", "validate", "run", "results", "topology", "clean"})
    EXPECT_THAT(help.out, HasSubstr(verb));
  EXPECT_THAT(RunKnetlab({"try", "--help"}).out, HasSubstr("Usage: knetlab try"));
  EXPECT_THAT(RunKnetlab({"--version"}).out, StartsWith("knetlab "));
}

TEST(Usage, NoVerbIsAMistakeThatShowsTheVerbs) {
  const Finished finished = RunKnetlab({});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.out, IsEmpty());
  EXPECT_THAT(finished.err, HasSubstr("doctor"));
}

TEST(Usage, AMistypedVerbOrOptionIsAnsweredWithTheNearest) {
  const Finished verb = RunKnetlab({"dcotor"});
  EXPECT_EQ(verb.status, 2);
  EXPECT_THAT(verb.err, HasSubstr("did you mean doctor?"));
  const Finished option = RunKnetlab({"run", "x.yaml", "--reapet=3"});
  EXPECT_EQ(option.status, 2);
  EXPECT_THAT(option.err, HasSubstr("did you mean --repeat?"));
  const Finished nested = RunKnetlab({"topology", "upp", "x.yaml"});
  EXPECT_EQ(nested.status, 2);
  EXPECT_THAT(nested.err, HasSubstr("did you mean up?"));
}

TEST(Usage, OptionsThatDoNotExistYetAreNotTakenSilently) {
  for (const char* option : {"--kernel=debian-6.1", "--kernels=x"}) {
    const Finished finished = RunKnetlab({"run", "x.yaml", option});
    EXPECT_EQ(finished.status, 2) << option;
    EXPECT_THAT(finished.err, HasSubstr("unknown option")) << option;
  }
}

TEST(Usage, ValuesOutOfRangeAreRefused) {
  const std::vector<std::vector<std::string>> wrong = {{"run", "x.yaml", "-j", "0"},
                                                       {"run", "x.yaml", "--repeat", "-1"},
                                                       {"run", "x.yaml", "--timeout", "0"},
                                                       {"try", "a.o", "b.pcap", "--limit", "x"},
                                                       {"try", "a.o", "b.pcap", "--rig", "vm"},
                                                       {"try", "a.o", "b.pcap", "--hook", "xpd"},
                                                       {"try", "a.o"},
                                                       {"try", "a.o", "b.pcap", "c.pcap"}};
  for (const std::vector<std::string>& words : wrong) {
    const Finished finished = RunKnetlab(words);
    EXPECT_EQ(finished.status, 2) << testing::PrintToString(words);
    EXPECT_THAT(finished.err, StartsWith("knetlab: usage of knetlab ")) << testing::PrintToString(words);
  }
}

TEST(Json, AFailureIsOneDocumentOnStdoutAlsoOfUsage) {
  const std::vector<std::vector<std::string>> wrong = {
      {"try", "--json"},
      {"--json"},
      {"try", "/nonexistent.o", "/nonexistent.pcap", "--json"},
      {"run", "/nonexistent", "--json"}};
  for (const std::vector<std::string>& words : wrong) {
    const Finished finished = RunKnetlab(words);
    EXPECT_EQ(finished.status, 2) << testing::PrintToString(words);
    const json document = json::parse(finished.out);
    EXPECT_EQ(document.at("schema"), "knetlab.error/1");
    for (const char* field : {"what", "where", "why", "hint"})
      EXPECT_TRUE(document.at("error").contains(field)) << field;
  }
}

TEST(Privileges, WithoutRootTheErrorShowsTheCommandToType) {
  RunningCommand command({"setpriv", "--bounding-set=-all", "--inh-caps=-all", KNETLAB_COMMAND, "run", "."},
                         true);
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("needs root"));
  EXPECT_THAT(finished.err, HasSubstr("sudo knetlab run"));
}

TEST(OutputFile, IsWrittenWholeAndNothingIsLeftBeside) {
  const TestFolder folder;
  const Finished finished = RunKnetlab({"doctor", "--json", "-o", folder.Path("doctor.json")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, IsEmpty());
  EXPECT_EQ(json::parse(ReadWhole(folder.Path("doctor.json"))).at("schema"), "knetlab.doctor/1");
  EXPECT_EQ(folder.Files(), 1U);
}

TEST(OutputFile, KeepsItsContentWhenTheVerbFails) {
  const TestFolder folder;
  const std::string path = folder.Write("result", "precious");
  EXPECT_EQ(RunKnetlab({"try", "/nonexistent.o", "/nonexistent.pcap", "-o", path}).status, 2);
  EXPECT_EQ(ReadWhole(path), "precious");
  EXPECT_EQ(folder.Files(), 1U);
}

TEST(OutputFile, ThatCannotBeMadeIsAnError) {
  const Finished finished = RunKnetlab({"doctor", "-o", "/nonexistent/folder/file"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("/nonexistent/folder/file"));
}

TEST(OutputFile, ALinkStaysOneAndADeviceIsNotReplaced) {
  const TestFolder folder;
  const std::string target = folder.Write("target", "old");
  std::filesystem::create_symlink(target, folder.Path("link"));
  EXPECT_EQ(RunKnetlab({"doctor", "--json", "-o", folder.Path("link")}).status, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.Path("link")));
  EXPECT_THAT(ReadWhole(target), StartsWith("{"));
  EXPECT_EQ(RunKnetlab({"doctor", "-o", "/dev/null"}).status, 0);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(Stdout, ThatIsFullIsAnError) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  RunningCommand command({"doctor"}, false, full.get());
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("No space left"));
}

TEST(Stdout, OfAPipeHasNoColour) {
  EXPECT_THAT(RunKnetlab({"doctor"}).out, Not(HasSubstr("\033")));
}

// What a command writes to a terminal.
std::string OnTerminal(std::vector<std::string> words) {
  int controller = -1, terminal = -1;
  EXPECT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
  const UniqueFd read_end(controller);
  UniqueFd write_end(terminal);
  RunningCommand command(std::move(words), true, write_end.get());
  write_end.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(read_end.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  EXPECT_EQ(command.Wait().status, 0);
  return text;
}

TEST(Stdout, OfATerminalHasColourUnlessItIsRefused) {
  EXPECT_THAT(OnTerminal({"env", "-u", "NO_COLOR", "TERM=xterm", KNETLAB_COMMAND, "doctor"}),
              HasSubstr("\033["));
  EXPECT_THAT(OnTerminal({"env", "NO_COLOR=1", "TERM=xterm", KNETLAB_COMMAND, "doctor"}),
              Not(HasSubstr("\033[")));
  EXPECT_THAT(OnTerminal({"env", "-u", "NO_COLOR", "TERM=dumb", KNETLAB_COMMAND, "doctor"}),
              Not(HasSubstr("\033[")));
}

}  // namespace
}  // namespace knetlab
