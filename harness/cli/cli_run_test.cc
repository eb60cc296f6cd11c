// SPDX-License-Identifier: Apache-2.0
// The conveniences of `knetlab run`: seeds, filters, reports, what is kept, interruption.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "harness/cli/command_test_support.h"

namespace knetlab {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kObject = KNETLAB_OBJECTS "/parity.bpf.o";

// Runs a shell command in a namespace, and expects that it exits with 0.
std::string Scenario(const std::string& name, const std::string& command, const std::string& more = "") {
  return fmt::format(
      "name: {}\nsummary: A command exits with 0.\n{}topology: {{namespaces: [one]}}\n"
      "steps:\n  - exec: {{in: one, argv: [sh, -c, '{}']}}\n",
      name, more, command);
}

std::vector<std::string> Names(const json& document) {
  std::vector<std::string> names;
  for (const json& scenario : document.at("scenarios")) names.push_back(scenario.at("name"));
  return names;
}

TEST(RunSeed, IsTheCommandsOwnAndTheSameAgain) {
  const TestFolder folder;
  const std::string file = folder.Write("seeds.yaml", Scenario("seeds", "echo seed $KNETLAB_SEED; exit 1"));
  const auto run = [&](const std::string& seed) {
    return json::parse(RunKnetlab({"run", file, "--repeat", "2", "--seed", seed, "--json"}).out);
  };
  const json first = run("7");
  EXPECT_EQ(first.at("run").at("seed"), 7);
  std::vector<std::uint32_t> seeds;
  for (const json& scenario : first.at("scenarios")) {
    seeds.push_back(scenario.at("seed"));
    EXPECT_THAT(scenario.at("reason").get<std::string>(), HasSubstr(fmt::format("seed {}", seeds.back())));
  }
  EXPECT_NE(seeds.at(0), seeds.at(1));
  EXPECT_EQ(run("7").at("scenarios").at(1).at("seed"), seeds.at(1));
  EXPECT_NE(run("8").at("scenarios").at(1).at("seed"), seeds.at(1));
}

TEST(RunFilter, TakesNamesAndTags) {
  const TestFolder folder;
  folder.Write("a.yaml", Scenario("fast-a", "true", "tags: [xdp]\n"));
  folder.Write("b.yaml", Scenario("slow-b", "true", "tags: [xdp, slow]\n"));
  folder.Write("c.yaml", Scenario("fast-c", "true"));
  const auto names = [&](std::vector<std::string> filters) {
    std::vector<std::string> words = {"run", folder.Path(""), "--json"};
    for (std::string& filter : filters) words.insert(words.end(), {"--filter", std::move(filter)});
    return Names(json::parse(RunKnetlab(words).out));
  };
  EXPECT_THAT(names({"tag:xdp !slow"}), ElementsAre("fast-a"));
  EXPECT_THAT(names({"tag:slow", "fast"}), ElementsAre("fast-a", "slow-b", "fast-c"));
  const Finished none = RunKnetlab({"run", folder.Path(""), "--filter", "tag:xpd"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("did you mean xdp?"));
}

TEST(RunOptions, AnEmptyValueIsAValue) {
  const TestFolder folder;
  const std::string file = folder.Write("a.yaml", Scenario("a", "true"));
  const Finished finished = RunKnetlab({"run", file, "--store=", "--json"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(json::parse(finished.out).at("summary").at("pass"), 1);
}

TEST(RunFailFast, StartsNothingAfterTheFirstFailure) {
  const TestFolder folder;
  folder.Write("a.yaml", Scenario("good", "true"));
  folder.Write("b.yaml", Scenario("bad", "false"));
  folder.Write("c.yaml", Scenario("never", "true"));
  const Finished finished = RunKnetlab({"run", folder.Path(""), "-x"});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.out, AllOf(Not(HasSubstr("never")), HasSubstr("1 passed, 1 failed, 1 not run in ")));
}

TEST(RunReport, ThatCannotBeWrittenIsRefusedBeforeAnythingRuns) {
  const TestFolder folder;
  const std::string trace = folder.Path("trace");
  const std::string file = folder.Write("a.yaml", Scenario("a", "touch " + trace));
  for (const std::string report :
       {"junit:/nonexistent/r.xml", "junitt:x", "junit", "ktap:/", "benchmark:/proc/r.json"}) {
    const Finished finished = RunKnetlab({"run", file, "--report", report});
    EXPECT_EQ(finished.status, 2) << report;
    EXPECT_THAT(finished.out, IsEmpty()) << report;
  }
  EXPECT_EQ(RunKnetlab({"run", file, "-o", "/nonexistent/out"}).status, 2);
  EXPECT_FALSE(std::filesystem::exists(trace));
}

// The folder goes while the scenario runs.
TEST(RunReport, ThatFailsAtTheEndLosesNothingElse) {
  const TestFolder folder;
  std::filesystem::create_directory(folder.Path("gone"));
  const std::string file = folder.Write("a.yaml", Scenario("a", "rmdir " + folder.Path("gone")));
  const Finished finished =
      RunKnetlab({"run", file, "--json", "--report", "junit:" + folder.Path("gone/r.xml"), "--report",
                  "ktap:" + folder.Path("r.ktap")});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("gone/r.xml"));
  EXPECT_EQ(json::parse(finished.out).at("summary").at("pass"), 1);
  EXPECT_THAT(ReadWhole(folder.Path("r.ktap")), HasSubstr("ok 1 a"));
}

class RunInterrupt : public testing::Test {
 protected:
  RunInterrupt() {
    EXPECT_EQ(::mkfifo(folder_.Path("begun").c_str(), 0600), 0);
    folder_.Write("a.yaml", Scenario("done", "true"));
    // Its child would outlive the shell, were it not for the PID namespace.
    folder_.Write("b.yaml", Scenario("hangs", "echo > " + folder_.Path("begun") + "; sleep 1000 & wait"));
    folder_.Write("c.yaml", Scenario("never", "true"));
  }
  // Until the second scenario is under way.
  void AwaitSecond() const { ReadWhole(folder_.Path("begun")); }

  TestFolder folder_;
};

TEST_F(RunInterrupt, TellsWhatRanInDocumentAndReportsAndEndsByTheSignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    RunningCommand command({"run", folder_.Path(""), "--json", "--report", "ktap:" + folder_.Path("r.ktap")});
    AwaitSecond();
    command.Signal(signal);
    const Finished finished = command.Wait();
    EXPECT_EQ(finished.signal, signal);
    const json document = json::parse(finished.out);
    EXPECT_THAT(Names(document), ElementsAre("done"));
    EXPECT_EQ(document.at("run").at("interrupted"), true);
    EXPECT_EQ(document.at("run").at("planned"), 3);
    EXPECT_THAT(ReadWhole(folder_.Path("r.ktap")),
                AllOf(HasSubstr("1..3\n"), HasSubstr("ok 1 done\n# interrupted: 2 of 3 did not run\n")));
  }
}

TEST_F(RunInterrupt, LeavesASummaryForPeople) {
  RunningCommand command({"run", folder_.Path("")});
  AwaitSecond();
  command.Signal(SIGINT);
  EXPECT_THAT(command.Wait().out, ContainsRegex("interrupted: 1 passed, 2 not run in "));
}

class RunKeep : public testing::Test {
 protected:
  const TestFolder folder_;
  const std::string name_ = fmt::format("kept{}", ::getpid());
  // The programs and the sockets of the scenario are in use; it fails at its last step.
  const std::string file_ = folder_.Write(
      "kept.yaml", fmt::format("name: {}\nsummary: Fails.\n"
                               "topology:\n  namespaces: [client, server]\n"
                               "  links: [[client:eth0 10.0.0.1/24, server:eth0 10.0.0.2/24]]\n"
                               "programs:\n"
                               "  filter: {{object: {}, program: xdp_parity, attach: {{xdp: server:eth0}}}}\n"
                               "steps:\n  - exec: {{in: server, argv: [\"false\"]}}\n",
                               name_, kObject));
};

TEST_F(RunKeep, LeavesTheLabOfAFailureWithItsProgramsUntilItIsTakenDown) {
  const Finished run = RunKnetlab({"run", file_, "--keep"});
  EXPECT_EQ(run.status, 1) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("ip netns exec " + name_ + "-server bash"),
                             HasSubstr("knetlab topology down " + name_)));
  RunningCommand look({"ip", "-n", name_ + "-server", "-details", "link", "show", "eth0"}, true);
  EXPECT_THAT(look.Wait().out, HasSubstr("prog/xdp"));
  const Finished again = RunKnetlab({"run", file_, "--keep"});
  EXPECT_THAT(again.out, AllOf(HasSubstr("not kept: "), HasSubstr("knetlab topology down " + name_)));
  EXPECT_EQ(RunKnetlab({"topology", "down", name_}).out, "removed 2 namespaces\n");
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + name_ + "-server"));
}

TEST_F(RunKeep, IsInTheDocumentAndOnlyOfFailures) {
  const std::string good = folder_.Write("good.yaml", Scenario("good", "true"));
  const json document = json::parse(RunKnetlab({"run", file_, good, "--keep", "--json"}).out);
  EXPECT_EQ(document.at("scenarios").at(1).at("kept").is_null() +
                document.at("scenarios").at(0).at("kept").is_null(),
            1);
  EXPECT_EQ(RunKnetlab({"topology", "down", name_}).status, 0);
}

TEST_F(RunKeep, NeedsARigWithNamespaces) {
  const Finished finished = RunKnetlab({"run", file_, "--keep", "--rig", "unit"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("--rig wire"));
}

}  // namespace
}  // namespace knetlab
