// SPDX-License-Identifier: Apache-2.0
// Parameters, matrix, cases and includes: what they expand to, and where mistakes are found.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/scenario/reader.h"
#include "harness/scenario/reader_test_folder.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kHead =
    "name: x\nsummary: y\ntopology: {namespaces: [a, b], links: [[a:eth0, b:eth0]]}\n";

class ReaderCases : public ::testing::Test {
 protected:
  std::vector<Scenario> Read(const std::string& text) {
    return ReadScenarios(folder_.Write("suite/s.yaml", kHead + text), {});
  }
  std::vector<std::string> Names(const std::string& text) {
    std::vector<std::string> names;
    for (const Scenario& scenario : Read(text)) names.push_back(scenario.name);
    return names;
  }
  ErrorParts MistakeIn(const std::string& text) {
    try {
      Read(text);
    } catch (const Error& e) {
      return e.parts();
    }
    ADD_FAILURE() << "was taken:\n" << text;
    return {};
  }
  void ExpectMistake(const std::string& text, const std::string& place, const std::string& why,
                     const std::string& hint) {
    const ErrorParts parts = MistakeIn(text);
    EXPECT_THAT(parts.where, EndsWith(place)) << parts.why << "\n" << text;
    EXPECT_THAT(parts.why, HasSubstr(why)) << text;
    EXPECT_THAT(parts.hint, HasSubstr(hint)) << parts.why << "\n" << text;
  }

  TestFolder folder_;
};

const ReplayStep& FirstReplay(const Scenario& scenario) {
  return std::get<ReplayStep>(scenario.steps.at(0).what);
}

TEST_F(ReaderCases, AParameterThatStandsAloneKeepsItsType) {
  const auto scenarios = Read(
      "parameters: {n: 3, end: a:eth0, tags: [p, q]}\n"
      "tags: \"${tags}\"\n"
      "steps:\n"
      "  - replay:\n"
      "      capture: dns.pcap\n"
      "      from: ${end}\n"
      "      loop: ${n}\n"
      "      rate: ${n}000pps\n");
  ASSERT_EQ(scenarios.size(), 1u);
  EXPECT_EQ(scenarios[0].name, "x");
  EXPECT_THAT(scenarios[0].tags, ElementsAre("p", "q"));
  EXPECT_EQ(FirstReplay(scenarios[0]).from, "a:eth0");
  EXPECT_EQ(FirstReplay(scenarios[0]).options.loops, 3u);
  EXPECT_DOUBLE_EQ(FirstReplay(scenarios[0]).options.pace.value, 3000);
}

TEST_F(ReaderCases, ParametersAreMadeOfOthersAndTwoDollarsAreOne) {
  const auto scenarios = Read(
      "parameters: {net: 10.0.0, server: \"${net}.2\"}\n"
      "steps: [{exec: {in: a, argv: [echo, \"${server}\", \"$${net}\", \"$net\"]}}]\n");
  EXPECT_THAT(std::get<ExecStep>(scenarios[0].steps[0].what).argv,
              ElementsAre("echo", "10.0.0.2", "${net}", "$net"));
}

TEST_F(ReaderCases, AMatrixIsEveryCombinationInTheOrderOfTheFile) {
  const auto scenarios = Read(
      "matrix:\n  mode: [native, generic]\n  loop: [1, 80]\n  exclude: [{mode: generic, loop: 80}]\n"
      "requires: [\"xdp-${mode}\"]\n"
      "steps: [{replay: {capture: dns.pcap, from: a:eth0, loop: \"${loop}\"}}]\n");
  ASSERT_EQ(scenarios.size(), 3u);
  EXPECT_EQ(scenarios[0].name, "x[mode=native,loop=1]");
  EXPECT_EQ(scenarios[1].name, "x[mode=native,loop=80]");
  EXPECT_EQ(scenarios[2].name, "x[mode=generic,loop=1]");
  EXPECT_EQ(FirstReplay(scenarios[1]).options.loops, 80u);
  EXPECT_THAT(scenarios[2].requires_features, ElementsAre("xdp-generic"));
  EXPECT_THAT(scenarios[2].parameters, ElementsAre(Pair("mode", "generic"), Pair("loop", "1")));
}

TEST_F(ReaderCases, NamedCasesHaveParametersOfTheirOwn) {
  const auto scenarios = Read(
      "parameters: {loop: 1}\n"
      "cases: {few: , many: {loop: 9}}\n"
      "steps: [{replay: {capture: dns.pcap, from: a:eth0, loop: \"${loop}\"}}]\n");
  ASSERT_EQ(scenarios.size(), 2u);
  EXPECT_EQ(scenarios[0].name, "x[few]");
  EXPECT_EQ(FirstReplay(scenarios[0]).options.loops, 1u);
  EXPECT_EQ(scenarios[1].name, "x[many]");
  EXPECT_EQ(FirstReplay(scenarios[1]).options.loops, 9u);
}

TEST_F(ReaderCases, EachNamedCaseGoesThroughTheMatrix) {
  EXPECT_THAT(Names("cases: {one: {t: p}, two: {t: q}}\n"
                    "matrix: {mode: [m, n], exclude: [{case: two, mode: m}]}\n"
                    "tags: [\"${t}\", \"${mode}\", \"${case}\"]\nsteps: []\n"),
              ElementsAre("x[one,mode=m]", "x[one,mode=n]", "x[two,mode=n]"));
}

TEST_F(ReaderCases, AValueThatIsNoWordIsNamedByItsNumber) {
  EXPECT_THAT(Names("matrix: {t: [[p], [q, r]]}\ntags: \"${t}\"\nsteps: []\n"),
              ElementsAre("x[t=#1]", "x[t=#2]"));
}

TEST_F(ReaderCases, MistakesInParameters) {
  const std::string step = "steps: [{replay: {capture: dns.pcap, from: \"${end}\"}}]\n";
  ExpectMistake("parameters: {ned: a:eth0}\n" + step, "s.yaml:5:44", "there is no parameter \"end\"", "ned");
  ExpectMistake(step, "s.yaml:4:44", "there is no parameter", "declares none");
  ExpectMistake("parameters: {end: a:eth1}\n" + step, "s.yaml:5:44", "\"a:eth1\" is not declared", "a:eth0");
  ExpectMistake("parameters: {end: \"${end}\"}\n" + step, "s.yaml:4:19", "made of itself", "");
  ExpectMistake("parameters: {9a: 1}\nsteps: []\n", "s.yaml:4:14", "no name for a parameter", "letter");
  ExpectMistake("parameters: {case: 1}\nsteps: []\n", "s.yaml:4:14", "meaning of its own", "");
  ExpectMistake("parameters: [1]\nsteps: []\n", "s.yaml:4:13", "expected parameters", "");
  ExpectMistake("tags: [\"${a\"]\nsteps: []\n", "s.yaml:4:8", "without a name", "$${");
  ExpectMistake("tags: [\"${}\"]\nsteps: []\n", "s.yaml:4:8", "without a name", "$${");
  ExpectMistake("tags: [\"${a b}\"]\nsteps: []\n", "s.yaml:4:8", "no name of a parameter", "$${");
  ExpectMistake("parameters: {l: [1]}\ntags: [\"a${l}\"]\nsteps: []\n", "s.yaml:5:8", "no text",
                "stands alone");
  ExpectMistake("parameters: {k: topology}\n\"${k}\": 1\nsteps: []\n", "s.yaml:5:1", "unknown key", "");
  ExpectMistake("parameters: {k: program}\nsteps: [{map: {\"${k}\": p, program: q}}]\n", "s.yaml:5:27",
                "\"program\" is there twice", "");
}

TEST_F(ReaderCases, MistakesInAMatrix) {
  const std::string tail = "tags: [\"${m}\"]\nsteps: []\n";
  ExpectMistake("matrix: {}\n" + tail, "s.yaml:4:9", "no case is left", "");
  ExpectMistake("matrix: {m: []}\n" + tail, "s.yaml:4:13", "no case is left", "");
  ExpectMistake("matrix: {m: [a], exclude: [{m: a}]}\n" + tail, "s.yaml:4:9", "expands to nothing", "");
  ExpectMistake("matrix: {m: [a, a]}\n" + tail, "s.yaml:4:17", "there twice", "");
  ExpectMistake("matrix: {m: a}\n" + tail, "s.yaml:4:13", "a list of values", "");
  ExpectMistake("matrix: {n: [a]}\n" + tail, "s.yaml:4:10", "\"n\" changes nothing", "m");
  ExpectMistake("matrix: {m: [a], exclude: [{n: a}]}\n" + tail, "s.yaml:4:29", "not in the matrix", "m");
  ExpectMistake("matrix: {m: [a], exclude: [{m: b}]}\n" + tail, "s.yaml:4:28", "no such combination", "");
  ExpectMistake("matrix: {m: [a], exclude: [{}]}\n" + tail, "s.yaml:4:28", "without values", "");
  ExpectMistake("matrix: {m: [a], include: [{}]}\n" + tail, "s.yaml:4:18", "no \"include\"", "cases");
  ExpectMistake("cases: {}\n" + tail, "s.yaml:4:8", "no case is left", "");
  ExpectMistake("cases: {c: {n: 1}}\n" + tail, "s.yaml:4:13", "changes nothing", "m");
  ExpectMistake("cases: {c: {m: 1}}\nmatrix: {m: [a]}\n" + tail, "s.yaml:4:13", "in the matrix too", "");
  ExpectMistake("cases: {\"c d\": {m: 1}}\n" + tail, "s.yaml:4:9", "no name for a case", "");
}

TEST_F(ReaderCases, AMistakeOfOneCaseNamesTheCase) {
  ExpectMistake("matrix: {end: [a:eth0, a:eth1]}\nsteps: [{replay: {capture: dns.pcap, from: \"${end}\"}}]\n",
                "s.yaml:5:44", "endpoint \"a:eth1\" is not declared (in the case end=a:eth1)", "a:eth0");
}

// Refused before it costs time or memory.
TEST_F(ReaderCases, TheNumberOfCasesIsBounded) {
  std::string matrix = "matrix:\n", tags = "tags: [";
  for (int axis = 0; axis < 40; ++axis) {
    matrix += fmt::format("  m{}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n", axis);
    tags += fmt::format("\"${{m{}}}\", ", axis);
  }
  ExpectMistake(matrix + tags + "]\nsteps: []\n", "s.yaml:5:3", "more than 10000 cases", "split");
  std::string steps = "steps:\n";
  for (int i = 0; i < 5000; ++i) steps += "  - exec: {in: a, argv: [x]}\n";
  std::string values;
  for (int i = 0; i < 200; ++i) values += fmt::format("{}, ", i);
  ExpectMistake("matrix: {m: [" + values + "]}\ntags: [\"t${m}\"]\n" + steps, "s.yaml:4:9", "this long", "");
}

TEST_F(ReaderCases, WhatParametersMakeIsBounded) {
  std::string bomb = "parameters:\n  a0: xxxxxxxxxxxxxxxx\n";
  for (int i = 1; i < 40; ++i) bomb += fmt::format("  a{}: \"${{a{}}}${{a{}}}\"\n", i, i - 1, i - 1);
  EXPECT_THAT(MistakeIn(bomb + "tags: [\"${a39}\"]\nsteps: []\n").why, HasSubstr("65536 bytes"));
  bomb = "parameters:\n  a0: [x, x]\n";
  for (int i = 1; i < 40; ++i) bomb += fmt::format("  a{}: [\"${{a{}}}\", \"${{a{}}}\"]\n", i, i - 1, i - 1);
  EXPECT_THAT(MistakeIn(bomb + "tags: [\"${a39}\"]\nsteps: []\n").why, HasSubstr("262144 nodes"));
  std::string deep = "parameters:\n  a0: [x]\n";
  for (int i = 1; i < 100; ++i) deep += fmt::format("  a{}: \"${{a{}}}\"\n", i, i - 1);
  EXPECT_THAT(MistakeIn(deep + "tags: \"${a99}\"\nsteps: []\n").why, HasSubstr("64 deep"));
  deep = "parameters:\n  a0: [x]\n";
  for (int i = 1; i < 50; ++i) deep += fmt::format("  a{}: [[\"${{a{}}}\"]]\n", i, i - 1);
  EXPECT_THAT(MistakeIn(deep + "tags: \"${a49}\"\nsteps: []\n").why, HasSubstr("64 levels"));
}

TEST_F(ReaderCases, IncludedFilesAreMergedAndTheIncludingFileWins) {
  folder_.Write("suite/base.include.yaml",
                "parameters: {loop: 2, end: b:eth0}\ntimeout: 3s\ntags: [base, more]\n");
  folder_.Write("suite/more.include.yaml", "include: [base.include.yaml]\nparameters: {loop: 5}\n");
  const auto scenarios = Read(
      "include: [more.include.yaml]\nparameters: {end: a:eth0}\ntags: [own]\n"
      "steps: [{replay: {capture: dns.pcap, from: \"${end}\", loop: \"${loop}\"}}]\n");
  EXPECT_EQ(FirstReplay(scenarios[0]).from, "a:eth0");
  EXPECT_EQ(FirstReplay(scenarios[0]).options.loops, 5u);
  EXPECT_DOUBLE_EQ(scenarios[0].timeout_s, 3);
  EXPECT_THAT(scenarios[0].tags, ElementsAre("own"));
}

TEST_F(ReaderCases, IncludedPathsAreBesideTheFileThatNamesThem) {
  folder_.Write("shared/lab.bpf.o", "");
  folder_.Write("shared/p.include.yaml", "programs: {p: {object: lab.bpf.o, globals: {a: 1, b: 2}}}\n");
  const auto scenarios =
      Read("include: [../shared/p.include.yaml]\nprograms: {p: {globals: {b: 3}}}\nsteps: []\n");
  ASSERT_EQ(scenarios[0].programs.size(), 1u);
  EXPECT_EQ(scenarios[0].programs[0].object, folder_.Path("shared/lab.bpf.o"));
  EXPECT_EQ(scenarios[0].programs[0].globals.at("a").elements[0].integer, 1);
  EXPECT_EQ(scenarios[0].programs[0].globals.at("b").elements[0].integer, 3);
}

TEST_F(ReaderCases, ATopologyFileIsIncludedAsTheTopology) {
  folder_.Write("suite/t.topology.yaml", "namespaces: [c, d]\nlinks: [[c:eth0, d:eth0]]\n");
  const std::string file =
      folder_.Write("suite/u.yaml", "name: u\nsummary: y\ninclude: [t.topology.yaml]\nsteps: []\n");
  EXPECT_EQ(ReadScenarios(file, {}).front().topology.links.size(), 1u);
  EXPECT_EQ(ReadTopology(file).namespaces.size(), 2u);
}

TEST_F(ReaderCases, MistakesInIncludes) {
  folder_.Write("suite/good.include.yaml", "tags: [a]\n");
  folder_.Write("suite/loop.include.yaml", "include: [loop2.include.yaml]\n");
  folder_.Write("suite/loop2.include.yaml", "tags: [a]\ninclude: [loop.include.yaml]\n");
  folder_.Write("suite/named.include.yaml", "tags: [a]\nname: z\n");
  folder_.Write("suite/wrong.include.yaml", "tags: [a]\nsockets: {s: {in: zz, udp: 10.0.0.1:1}}\n");
  folder_.Write("suite/list.include.yaml", "[a]\n");
  ExpectMistake("include: good.include.yaml\nsteps: []\n", "s.yaml:4:10", "a list of files", "");
  ExpectMistake("include: [god.include.yaml]\nsteps: []\n", "s.yaml:4:11", "is not there",
                "good.include.yaml");
  ExpectMistake("include: [\"${a}.yaml\"]\nsteps: []\n", "s.yaml:4:11", "before there are parameters", "");
  ExpectMistake("include: [s.yaml]\nsteps: []\n", "s.yaml:4:11", "includes itself", "s.yaml -> s.yaml");
  ExpectMistake("include: [loop.include.yaml]\nsteps: []\n", "loop2.include.yaml:2:11", "includes itself",
                "loop2.include.yaml -> loop.include.yaml");
  ExpectMistake("include: [named.include.yaml]\nsteps: []\n", "named.include.yaml:2:1",
                "unknown key \"name\"", "");
  ExpectMistake("include: [wrong.include.yaml]\nsteps: []\n", "wrong.include.yaml:2:19", "\"zz\" is not",
                "a, b");
  ExpectMistake("include: [list.include.yaml]\nsteps: []\n", "list.include.yaml:1:1", "found a list", "");
  ExpectMistake("include: [.]\nsteps: []\n", "s.yaml:4:11", "not a regular file", "");
  ExpectMistake("include: [/dev/zero]\nsteps: []\n", "s.yaml:4:11", "not a regular file", "");
}

TEST_F(ReaderCases, IncludesAreBoundedInDepthAndSize) {
  for (int i = 0; i < 30; ++i)
    folder_.Write(fmt::format("suite/d{}.include.yaml", i),
                  fmt::format("include: [d{}.include.yaml]\n", i + 1));
  folder_.Write("suite/d30.include.yaml", "tags: [a]\n");
  EXPECT_THAT(MistakeIn("include: [d0.include.yaml]\nsteps: []\n").why, HasSubstr("16 deep"));
  folder_.Write("suite/big.include.yaml", "# " + std::string(3 << 20, 'x') + "\ntags: [a]\n");
  EXPECT_THAT(MistakeIn("include: [big.include.yaml, big.include.yaml]\nsteps: []\n").why,
              HasSubstr("4 MiB"));
}

class AllMistakes : public ReaderCases {
 protected:
  std::vector<std::string> Find(const std::string& text) {
    std::vector<Scenario> suite;
    std::vector<std::string> found;
    for (const Error& error : FindMistakes(folder_.Write("suite/s.yaml", text), {}, suite)) {
      const std::string& where = error.parts().where;
      found.push_back(where.substr(where.rfind('/') + 1) + " " + error.parts().why);
    }
    EXPECT_EQ(suite.empty(), !found.empty());
    return found;
  }
};

TEST_F(AllMistakes, OfAFileAreFoundAndNoneTwice) {
  EXPECT_THAT(
      Find("name: X\nsummary: y\ntags: word\n"
           "topology:\n  namespaces: [a, b]\n  links: [[a:eth0, b:eth0], [a:eth1, c:eth1], [a:eth2]]\n"
           "  routes: [{in: a, to: 10.0.0.0/8}]\n"
           "programs: {p: {object: none.o}, q: {object: xdp_drop.bpf.o, typ: xdp}}\n"
           "steps:\n"
           "  - replay: {capture: dns.pcap, from: a:eth2}\n"
           "  - replay: {capture: dsn.pcap, from: a:eth0}\n"
           "  - expect: {ledger: {drops: 1}, verdicts: {p: {XDP_DROP: 1}}, cost: {p.x: 1}}\n"
           "  - exce: {}\n"),
      ElementsAre(
          HasSubstr("s.yaml:1:7 \"X\" is no name"), HasSubstr("s.yaml:3:7 expected a list"),
          HasSubstr("s.yaml:6:38 namespace \"c\""), HasSubstr("s.yaml:6:47 a link has two ends"),
          HasSubstr("s.yaml:7:12 the route leads nowhere"), HasSubstr("s.yaml:8:24 object \"none.o\""),
          HasSubstr("s.yaml:8:61 unknown key \"typ\""), HasSubstr("s.yaml:11:23 capture \"dsn.pcap\""),
          HasSubstr("s.yaml:12:23 unknown key \"drops\""), HasSubstr("s.yaml:13:5 unknown key \"exce\"")));
}

TEST_F(AllMistakes, OfCasesAreThoseOfTheFirstThatHasAny) {
  EXPECT_THAT(
      Find(std::string(kHead) + "matrix: {n: [1, 0, -1]}\nrepeat: \"${n}\"\ntimeout: \"${n}\"\nsteps: []\n"),
      ElementsAre(
          "s.yaml:6:10 a timeout is more than 0 and at most a day (in the case n=0)",
          "s.yaml:5:9 expected a whole number from 1 to 10000, found the number 0 (in the case n=0)"));
}

TEST_F(AllMistakes, OfAFileThatIsNoScenarioAreOne) {
  EXPECT_THAT(Find("name: [a\n"), ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(Find("name: x\nsummary: y\nsteps: []\n"), ElementsAre());
  std::string many = std::string(kHead) + "steps:\n";
  for (int i = 0; i < 500; ++i) many += "  - wrong: 1\n";
  EXPECT_EQ(Find(many).size(), 101u);
}

TEST_F(ReaderCases, RepeatIsANumberOfRuns) {
  EXPECT_EQ(Read("repeat: 3\nsteps: []\n")[0].repeat, 3);
  EXPECT_EQ(Read("steps: []\n")[0].repeat, 1);
  ExpectMistake("repeat: 0\nsteps: []\n", "s.yaml:4:9", "from 1", "");
}

}  // namespace
}  // namespace knetlab
