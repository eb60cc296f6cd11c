// SPDX-License-Identifier: Apache-2.0
// Each verb, run for real.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "harness/cli/command_test_support.h"

namespace knetlab {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kFile = KNETLAB_OBJECTS "/parity.bpf.o";
constexpr const char* kParityProgram = KNETLAB_OBJECTS "/parity.bpf.o:xdp_parity";
constexpr const char* kOneProgram = KNETLAB_OBJECTS "/reflect.bpf.o";
constexpr const char* kCapture = KNETLAB_CAPTURES "/dnscap__dns.pcap";
constexpr std::uint64_t kPackets = 133;  // capinfos -c

constexpr const char* kTopology =
    "topology:\n"
    "  namespaces: [client, server]\n"
    "  links:\n"
    "    - [client:eth0 10.0.0.1/24, server:eth0 10.0.0.2/24]\n";

// Sends the capture through a program that drops packets of odd length, and expects so many to be dropped.
std::string DropScenario(const std::string& name, const std::string& dropped) {
  return fmt::format(
      "name: {}\nsummary: Odd packets are dropped.\n{}programs:\n"
      "  filter: {{object: {}, attach: {{xdp: server:eth0}}}}\n"
      "steps:\n"
      "  - replay: {{capture: {}, from: client:eth0}}\n"
      "  - expect:\n"
      "      ledger: {{drop: {}}}\n",
      name, kTopology, kFile, kCapture, dropped);
}

// A name that no other test uses.
std::string OwnName(const char* what) {
  return fmt::format("cli{}{}", what, ::getpid());
}
bool IsNamed(const std::string& ns) {
  return std::filesystem::exists("/run/netns/" + ns);
}

TEST(Doctor, NamesEveryFacilityAndHowToGetThoseThatAreMissing) {
  const Finished finished = RunKnetlab({"doctor", "--json"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("schema"), "knetlab.doctor/1");
  EXPECT_GE(document.at("facilities").size(), 24U);
  for (const json& facility : document.at("facilities")) {
    EXPECT_TRUE(facility.at("works").get<bool>() || !facility.at("hint").get<std::string>().empty())
        << facility;
  }
}

TEST(Doctor, WithoutRootSaysSoAndFails) {
  RunningCommand command({"setpriv", "--bounding-set=-all", "--inh-caps=-all", KNETLAB_COMMAND, "doctor"},
                         true);
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.out, AllOf(HasSubstr("sudo knetlab doctor"), HasSubstr("cannot run here without")));
}

TEST(Try, ShowsATableThatAddsUp) {
  const Finished finished = RunKnetlab({"try", kParityProgram, kCapture});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, AllOf(HasSubstr("XDP_DROP"), HasSubstr("XDP_PASS"), HasSubstr("ns a packet"),
                                  HasSubstr(fmt::format("{} sent = ", kPackets)), HasSubstr("--rig wire")));
}

TEST(Try, GivesTheSameVerdictsOnBothRigsPacketByPacket) {
  const json unit = json::parse(RunKnetlab({"try", kParityProgram, kCapture, "--json"}).out);
  const json wire = json::parse(RunKnetlab({"try", kParityProgram, kCapture, "--json", "--rig", "wire"}).out);
  ASSERT_EQ(unit.at("packets").size(), kPackets);
  ASSERT_EQ(wire.at("packets").size(), kPackets);
  for (std::size_t i = 0; i < kPackets; ++i) {
    const json& packet = unit.at("packets").at(i);
    EXPECT_EQ(packet.at("verdict"), packet.at("length").get<int>() % 2 == 1 ? "XDP_DROP" : "XDP_PASS")
        << packet;
    EXPECT_EQ(wire.at("packets").at(i).at("verdict"), packet.at("verdict")) << packet;
  }
  EXPECT_TRUE(wire.at("ledger").at("balanced").get<bool>());
}

TEST(Try, SaysWhereTheUnitRigCannotShowAVlanTagAsADeviceDoes) {
  const auto notes_of = [](const std::string& program) {
    const std::string capture = KNETLAB_CAPTURES "/dnscap__vlan11.pcap";
    const Finished finished = RunKnetlab({"try", program, capture, "--limit", "3", "--json"});
    return json::parse(finished.out).at("notes").dump();
  };
  EXPECT_THAT(notes_of(KNETLAB_OBJECTS "/parity.bpf.o:tc_parity"), HasSubstr("3 packets have a VLAN tag"));
  EXPECT_THAT(notes_of(kParityProgram), Not(HasSubstr("VLAN")));
}

TEST(Try, WhatTheKernelsTestRunRefusesHasAVerdictOnTheWireAndNoCost) {
  const TestFolder folder;
  std::string capture("\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0", 24);
  capture += std::string("\0\0\0\0\0\0\0\0\x0e\0\0\0\x3c\0\0\0", 16);    // 14 bytes of 60
  capture += std::string("\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", 14);  // IPv4, and no more
  const std::string program = KNETLAB_OBJECTS "/parity.bpf.o:tc_parity";
  const std::string path = folder.Write("cut.pcap", capture);
  for (const auto& [rig, verdict] : {std::pair{"unit", "REFUSED"}, std::pair{"wire", "TC_ACT_OK"}}) {
    SCOPED_TRACE(rig);
    const Finished finished = RunKnetlab({"try", program, path, "--rig", rig, "--json"});
    EXPECT_EQ(finished.status, 0) << finished.out;
    const json document = json::parse(finished.out);
    EXPECT_EQ(document.at("packets").at(0).at("verdict"), verdict);
    EXPECT_TRUE(document.at("cost").is_null());
  }
}

TEST(Try, AColonIsPartOfAFilesNameWhereThereIsSuchAFile) {
  const TestFolder folder;
  std::filesystem::copy_file(kOneProgram, folder.Path("a:b.o"));
  const auto program_of = [](const std::string& object) {
    const Finished finished = RunKnetlab({"try", object, kCapture, "--limit", "3", "--json"});
    EXPECT_EQ(finished.status, 0) << finished.out;
    const json document = json::parse(finished.out);
    EXPECT_EQ(document.at("packets").size(), 3U);
    return document.at("program").get<std::string>();
  };
  const std::string program = program_of(folder.Path("a:b.o"));
  EXPECT_EQ(program_of(folder.Path("a:b.o") + ":" + program), program);
}

TEST(Try, AnObjectOfSeveralProgramsIsAskedForOneByName) {
  const Finished finished = RunKnetlab({"try", kFile, kCapture});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("parity.bpf.o:xdp_parity"));
}

TEST(Try, ErrorsNameTheFileThatIsWrong) {
  const TestFolder folder;
  const std::string junk = folder.Write("junk.o", std::string(4096, 'x'));
  const Finished object = RunKnetlab({"try", junk, kCapture});
  EXPECT_EQ(object.status, 2);
  EXPECT_THAT(object.err, HasSubstr("junk.o"));
  const Finished capture = RunKnetlab({"try", kParityProgram, junk});
  EXPECT_EQ(capture.status, 2);
  EXPECT_THAT(capture.err, HasSubstr("junk.o"));
  EXPECT_THAT(capture.out, IsEmpty());
}

TEST(Validate, ReportsTheMistakeOfEveryFileWithItsPlace) {
  const TestFolder folder;
  folder.Write("a.yaml", "name: a\nsummary: y\ntopolgy: {}\n");
  folder.Write("b.yaml", DropScenario("b", "1"));
  folder.Write("c.yaml", "name: c\nname: d\nsummary: z\nsteps: []\n");
  const Finished finished = RunKnetlab({"validate", folder.Path("")});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.out, IsEmpty());
  EXPECT_THAT(finished.err, AllOf(ContainsRegex("a\\.yaml:3:1: .*topology"), ContainsRegex("c\\.yaml:2:1: "),
                                  Not(HasSubstr("b.yaml")), HasSubstr("2 mistakes in 3 scenarios")));
  const Finished as_json = RunKnetlab({"validate", folder.Path(""), "--json"});
  EXPECT_EQ(as_json.status, 2);
  const json document = json::parse(as_json.out);
  EXPECT_EQ(document.at("scenarios"), 3);
  EXPECT_EQ(document.at("errors").size(), 2U);
}

TEST(Validate, CountsScenariosThatAreRight) {
  const TestFolder folder;
  folder.Write("b.yaml", DropScenario("b", "1"));
  const Finished finished = RunKnetlab({"validate", folder.Path("")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out, "1 scenario is valid\n");
}

TEST(Validate, TwoScenariosOfOneNameAreAMistake) {
  const TestFolder folder;
  folder.Write("a.yaml", DropScenario("same", "1"));
  folder.Write("b.yaml", DropScenario("same", "1"));
  const Finished finished = RunKnetlab({"validate", folder.Path("")});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("same"));
}

TEST(List, ShowsNamesProgramsAndRigs) {
  const TestFolder folder;
  folder.Write("a.yaml", DropScenario("odd", "1"));
  const Finished finished = RunKnetlab({"list", folder.Path("")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, AllOf(HasSubstr("odd"), HasSubstr("unit, wire"),
                                  HasSubstr("filter (parity.bpf.o)"), HasSubstr("1 scenario\n")));
  EXPECT_EQ(json::parse(RunKnetlab({"list", folder.Path(""), "--json"}).out).at("scenarios").at(0).at("name"),
            "odd");
}

TEST(Run, PassesAndFailsByItsChecks) {
  const TestFolder folder;
  const json tried = json::parse(RunKnetlab({"try", kParityProgram, kCapture, "--json"}).out);
  const auto dropped = tried.at("verdicts").at("XDP_DROP").get<std::uint64_t>();
  const std::string right = folder.Write("right.yaml", DropScenario("right", std::to_string(dropped)));
  const Finished passed = RunKnetlab({"run", right});
  EXPECT_EQ(passed.status, 0) << passed.out << passed.err;
  EXPECT_THAT(passed.out, AllOf(ContainsRegex("pass +right"), HasSubstr("1 passed in ")));

  folder.Write("wrong.yaml", DropScenario("wrong", std::to_string(dropped + 1)));
  const Finished failed = RunKnetlab({"run", folder.Path(""), "-j", "2"});
  EXPECT_EQ(failed.status, 1) << failed.out << failed.err;
  EXPECT_THAT(failed.out,
              AllOf(ContainsRegex("FAIL +wrong"), ContainsRegex("wrong\\.yaml:[0-9]+:[0-9]+  ledger"),
                    HasSubstr("1 passed, 1 failed in ")));
  EXPECT_EQ(RunKnetlab({"run", folder.Path(""), "--filter", "right"}).status, 0);
}

TEST(Run, JsonIsOneDocumentAndEveryRepetitionIsInIt) {
  const TestFolder folder;
  const std::string file = folder.Write("odd.yaml", DropScenario("odd", "100000"));
  const Finished finished = RunKnetlab({"run", file, "--rig", "unit", "--repeat", "2", "--json"});
  EXPECT_EQ(finished.status, 1);
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("schema"), "knetlab.run/1");
  EXPECT_EQ(document.at("scenarios").size(), 2U);
  EXPECT_EQ(document.at("summary").at("fail"), 2);
  EXPECT_EQ(document.at("scenarios").at(0).at("ledger").at("sent"), kPackets);
}

TEST(Run, NothingRunsWhereAnyScenarioIsWrong) {
  const TestFolder folder;
  folder.Write("a.yaml", DropScenario("right", "1"));
  folder.Write("b.yaml", "name: b\n");
  const Finished finished = RunKnetlab({"run", folder.Path("")});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.out, IsEmpty());
  EXPECT_THAT(finished.err, HasSubstr("b.yaml"));
}

TEST(Topology, StaysUpUntilInterruptedAndEndsByThatSignal) {
  const TestFolder folder;
  const std::string file = folder.Write("two.topology.yaml", std::string(kTopology));
  const std::string name = OwnName("up");
  for (const int signal : {SIGINT, SIGTERM}) {
    RunningCommand command({"topology", "up", file, "--name", name});
    ASSERT_TRUE(command.AwaitOutput("remove: Ctrl-C\n"));
    EXPECT_TRUE(IsNamed(name + "-client"));
    command.Signal(signal);
    const Finished finished = command.Wait();
    EXPECT_EQ(finished.signal, signal);
    EXPECT_THAT(finished.out,
                AllOf(HasSubstr("10.0.0.1/24"), HasSubstr("ip netns exec " + name + "-client")));
    EXPECT_FALSE(IsNamed(name + "-client"));
    EXPECT_FALSE(IsNamed(name + "-server"));
  }
}

TEST(Topology, IsKeptUntilItIsTakenDown) {
  const TestFolder folder;
  const std::string file = folder.Write("two.topology.yaml", std::string(kTopology));
  const std::string name = OwnName("keep");
  const Finished up = RunKnetlab({"topology", "up", file, "--name", name, "--keep"});
  EXPECT_EQ(up.status, 0) << up.err;
  EXPECT_THAT(up.out, HasSubstr("knetlab topology down " + name));
  EXPECT_TRUE(IsNamed(name + "-server"));
  EXPECT_EQ(RunKnetlab({"topology", "up", file, "--name", name, "--keep"}).status, 2) << "the name is taken";
  const Finished down = RunKnetlab({"topology", "down", name});
  EXPECT_EQ(down.status, 0) << down.err;
  EXPECT_EQ(down.out, "removed 2 namespaces\n");
  EXPECT_FALSE(IsNamed(name + "-server"));
  EXPECT_EQ(RunKnetlab({"topology", "down", name}).status, 2);
}

TEST(Topology, ShellRunsInTheNamespaceAndGivesItsExitStatus) {
  const TestFolder folder;
  const std::string file = folder.Write("two.topology.yaml", std::string(kTopology));
  const Finished look = RunKnetlab({"topology", "shell", file, "server", "--", "ip", "-brief", "address"});
  EXPECT_EQ(look.status, 0) << look.err;
  EXPECT_THAT(look.out, HasSubstr("10.0.0.2/24"));
  EXPECT_EQ(
      RunKnetlab({"topology", "shell", file, "--", "sh", "-c", "test $KNETLAB_NAMESPACE = client && exit 7"})
          .status,
      7);
  const Finished missing = RunKnetlab({"topology", "shell", file, "--", "/nonexistent/command"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("/nonexistent/command"));
  const Finished nowhere = RunKnetlab({"topology", "shell", file, "sever", "--", "true"});
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("server"));
}

// In a /run of its own, since it removes what others kept.
TEST(Clean, RemovesWhatWasKept) {
  const TestFolder folder;
  const std::string file = folder.Write("two.topology.yaml", std::string(kTopology));
  const std::string script = fmt::format(
      "mount -t tmpfs none /run && {0} topology up {1} --name left --keep >/dev/null && {0} clean && {0} "
      "clean",
      KNETLAB_COMMAND, file);
  RunningCommand command({"unshare", "--mount", "sh", "-c", script}, true);
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out,
            "removed namespace left-client\n"
            "removed namespace left-server\n"
            "nothing to remove\n");
}

}  // namespace
}  // namespace knetlab
