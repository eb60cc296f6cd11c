// SPDX-License-Identifier: Apache-2.0
// What a correct scenario becomes, and where files are looked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <sstream>

#include "harness/scenario/reader.h"
#include "harness/scenario/reader_test_folder.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReaderValid : public ::testing::Test {
 protected:
  Scenario Read(const std::string& text) {
    return ReadScenarios(folder_.Write("suite/s.yaml", text), options_).front();
  }
  Scenario Whole() { return Read(kWholeLanguage); }

  TestFolder folder_;
  ReadOptions options_;
};

TEST_F(ReaderValid, HeadOfAScenario) {
  const Scenario s = Whole();
  EXPECT_EQ(s.name, "whole-language[one,loops=3,text=#1]");
  EXPECT_EQ(s.repeat, 2);
  EXPECT_EQ(s.name_mark.line, 1);
  EXPECT_EQ(s.name_mark.column, 7);
  EXPECT_EQ(s.summary, "Every key once.");
  EXPECT_THAT(s.tags, ElementsAre("xdp", "smoke"));
  EXPECT_THAT(s.requires_features, ElementsAre("xdp-native"));
  EXPECT_DOUBLE_EQ(s.timeout_s, 1.5);
  EXPECT_FALSE(s.care);
}

TEST_F(ReaderValid, ACapture) {
  const Scenario s = Whole();
  ASSERT_TRUE(s.capture);
  EXPECT_EQ(s.capture->file, "x.pcapng");
  EXPECT_THAT(s.capture->programs, ElementsAre("drop"));
  EXPECT_THAT(s.capture->verdicts, ElementsAre("XDP_DROP", "pass"));
  EXPECT_EQ(s.capture->filter, "udp port 53");
  EXPECT_TRUE(s.capture->before);
  EXPECT_EQ(s.capture->snaplen, 64U);
  EXPECT_EQ(s.capture->sample, 2U);
}

TEST_F(ReaderValid, FamiliesExpandInStep) {
  const Scenario s = Whole();
  ASSERT_EQ(s.topology.namespaces.size(), 5u);
  EXPECT_EQ(s.topology.namespaces[4].name, "server3");
  ASSERT_EQ(s.topology.links.size(), 5u);
  const LinkSpec& third = s.topology.links[3];
  EXPECT_EQ(third.ends[0].ToString(), "lb:srv3");
  EXPECT_EQ(third.ends[0].addresses[0].ToString(), "10.3.0.1/24");
  EXPECT_EQ(third.ends[1].ToString(), "server3:eth0");
  EXPECT_EQ(third.ends[1].addresses[0].ToString(), "10.3.0.2/24");
  ASSERT_EQ(s.topology.routes.size(), 7u);
  EXPECT_EQ(s.topology.routes[6].ns, "server3");
  EXPECT_EQ(s.topology.routes[6].nexthops[0].via.ToString(), "10.3.0.1");
  for (int i = 2; i < 5; ++i)
    EXPECT_THAT(s.topology.namespaces[static_cast<std::size_t>(i)].sysctls,
                ElementsAre(std::pair<std::string, std::string>("ipv4.ip_forward", "1")));
}

TEST_F(ReaderValid, LinksInBothForms) {
  const Scenario s = Whole();
  const LinkSpec& brief = s.topology.links[0];
  EXPECT_EQ(brief.mtu, 0);  // not declared: the rig fits it to the traffic
  EXPECT_EQ(brief.ends[0].addresses[1].ToString(), "fd00::1/64");
  const LinkSpec& full = s.topology.links[4];
  EXPECT_EQ(full.mtu, 9000);
  EXPECT_EQ(full.queues, 2);
  EXPECT_EQ(full.ends[1].mac->ToString(), "02:00:00:00:00:02");
  EXPECT_FALSE(full.ends[0].offloads.at("tx-checksum-ip-generic"));
  EXPECT_EQ(full.ends[1].sysfs.at("gro_flush_timeout"), "1000");
  EXPECT_EQ(s.topology_marks.at("lb:eth0").line, 10);
  EXPECT_EQ(s.topology_marks.at("client").line, 8);
}

TEST_F(ReaderValid, TheRestOfATopology) {
  const TopologySpec t = Whole().topology;
  ASSERT_EQ(t.bridges.size(), 1u);
  EXPECT_THAT(t.bridges[0].ports, ElementsAre("srv1", "srv2"));
  EXPECT_EQ(t.routes[0].destination.ToString(), "0.0.0.0/0");
  EXPECT_EQ(t.routes[1].type, "local");
  EXPECT_EQ(t.routes[1].table, 100u);
  ASSERT_EQ(t.routes[2].nexthops.size(), 2u);
  EXPECT_EQ(t.routes[2].nexthops[0].weight, 2);
  EXPECT_EQ(t.routes[2].nexthops[1].device, "srv2");
  EXPECT_EQ(t.routes[2].nexthops[1].via.family, 0);
  EXPECT_EQ(t.rules[0].family, AF_INET);
  EXPECT_EQ(t.rules[1].family, AF_INET6);
  EXPECT_EQ(t.rules[1].table, 254u);
  EXPECT_EQ(t.neighbours[0].mac.ToString(), "02:00:00:00:00:07");
  EXPECT_EQ(t.qdiscs[0].options.at("burst"), "32k");
}

TEST_F(ReaderValid, NamespacesAsAMap) {
  const Scenario s = Read(
      "name: x\nsummary: y\ntopology:\n  namespaces:\n    a:\n    \"b[1..2]\": {sysctls: {ipv4.ip_forward: "
      "1}}\nsteps: []\n");
  ASSERT_EQ(s.topology.namespaces.size(), 3u);
  EXPECT_EQ(s.topology.namespaces[2].name, "b2");
  EXPECT_EQ(s.topology.namespaces[2].sysctls.size(), 1u);
  EXPECT_TRUE(s.topology.namespaces[0].sysctls.empty());
}

TEST_F(ReaderValid, SocketsAndPrograms) {
  const Scenario s = Whole();
  ASSERT_EQ(s.sockets.size(), 3u);
  EXPECT_EQ(s.sockets[0].port, 53);
  EXPECT_EQ(s.sockets[0].receive, SocketSpec::Receive::kHold);
  EXPECT_EQ(s.sockets[0].buffer_bytes, 65536u);
  EXPECT_EQ(s.sockets[1].address.ToString(), "fd00::2");
  EXPECT_EQ(s.sockets[2].interface, "eth0");
  ASSERT_EQ(s.programs.size(), 2u);
  EXPECT_EQ(s.programs[0].object, folder_.Path("suite/xdp_drop.bpf.o"));
  EXPECT_EQ(s.programs[0].attach[0].mode, "native");
  EXPECT_EQ(s.programs[0].maps[0].size, 16u);
  EXPECT_EQ(s.programs[0].maps[0].contents[0].value.elements[0].integer, 16);
  EXPECT_EQ(s.programs[0].globals.at("limit").elements[0].integer, 5);
  ASSERT_EQ(s.programs[1].attach.size(), 7u);
  EXPECT_EQ(s.programs[1].attach[2].target, "tap");
  EXPECT_EQ(s.programs[1].attach[3].target, "lb");
  EXPECT_EQ(s.programs[1].attach[4].target, "web");
  EXPECT_EQ(s.programs[1].attach[5].target, "lb");
  EXPECT_EQ(s.programs[1].attach[6].target, "drop.sockets");
  EXPECT_TRUE(s.sockets[1].reuseport);
  EXPECT_EQ(s.programs[1].maps[0].share_program, "drop");
  EXPECT_EQ(s.programs[1].maps[0].share_map, "counters");
}

TEST_F(ReaderValid, Steps) {
  const Scenario s = Whole();
  ASSERT_EQ(s.steps.size(), 5u);
  EXPECT_EQ(s.steps[0].mark.line, 48);
  EXPECT_EQ(s.steps[0].mark.column, 5);
  const auto& replay = std::get<ReplayStep>(s.steps[0].what);
  EXPECT_EQ(replay.capture, folder_.Path("captures/dns.pcap"));
  EXPECT_EQ(replay.options.pace.kind, Pace::Kind::kMultiplier);
  EXPECT_EQ(replay.options.loops, 3u);
  EXPECT_EQ(replay.limit, 100u);
  EXPECT_EQ(replay.destination_mac_of, "lb:eth0");
  EXPECT_FALSE(replay.options.rewrite.destination_mac);
  EXPECT_EQ(replay.options.rewrite.source_mac->ToString(), "02:00:00:00:00:09");
  EXPECT_EQ(replay.options.rewrite.addresses.at(IpAddress::Parse("10.1.1.1")).ToString(), "10.0.0.2");
  const auto& map = std::get<MapStep>(s.steps[1].what);
  ASSERT_EQ(map.write[0].value.elements.size(), 3u);
  const auto& exec = std::get<ExecStep>(s.steps[2].what);
  EXPECT_THAT(exec.argv, ElementsAre("iptables", "-A", "INPUT", "-p", "17", "-j", "DROP"));
  EXPECT_EQ(exec.status, 1);
}

TEST_F(ReaderValid, Expectations) {
  const Scenario s = Whole();
  const auto& expect = std::get<ExpectStep>(s.steps[3].what);
  ASSERT_EQ(expect.ledger.size(), 3u);
  EXPECT_TRUE(expect.ledger[0].number.Holds(120));
  EXPECT_FALSE(expect.ledger[0].number.Holds(121));
  EXPECT_EQ(expect.ledger[1].number.ToString(), "> 5");
  EXPECT_FALSE(expect.ledger[1].number.Holds(5));
  EXPECT_EQ(expect.ledger[2].place, "lb:eth0 ring");
  EXPECT_EQ(expect.ledger[2].fate, Fate::kLost);
  EXPECT_EQ(expect.ledger[2].number.mark.line, 63);
  ASSERT_EQ(expect.verdicts.size(), 2u);
  EXPECT_EQ(expect.verdicts[1].verdict, "XDP_PASS");
  EXPECT_EQ(expect.maps[0].read[0].value.elements[0].text, "lb:eth0");
}

TEST_F(ReaderValid, ExpectationsOfPacketsLatencyAndCost) {
  const Scenario s = Whole();
  const auto& expect = std::get<ExpectStep>(s.steps[3].what);
  ASSERT_EQ(expect.packets.size(), 2u);
  const PacketsCheck& packets = expect.packets[0];
  EXPECT_EQ(packets.at, "lb:eth0");
  EXPECT_TRUE(packets.sent);
  EXPECT_TRUE(packets.any_order);
  EXPECT_EQ(packets.golden, folder_.Path("captures/dns.pcap"));
  ASSERT_EQ(packets.ignore.size(), 2u);
  EXPECT_EQ(packets.ignore[0].field, IgnoredBytes::Field::kIpId);
  EXPECT_EQ(packets.ignore[1].first, 12u);
  EXPECT_EQ(packets.ignore[1].last, 13u);
  EXPECT_EQ(packets.count->ToString(), ">= 1");
  EXPECT_EQ(expect.packets[1].program, "tap");
  ASSERT_EQ(expect.latency.size(), 3u);
  EXPECT_EQ(expect.latency[1].metric, "p999");
  EXPECT_DOUBLE_EQ(expect.latency[1].number.value, 1.5e6);
  EXPECT_EQ(expect.latency[2].place, "lb:socket 10.0.0.2:53");
  ASSERT_EQ(expect.cost.size(), 2u);
  EXPECT_EQ(expect.cost[1].program, "tap");
  EXPECT_EQ(expect.cost[1].metric, "instructions_per_packet");
  const auto& exec = std::get<ExecStep>(s.steps[4].what);
  ASSERT_EQ(exec.output.size(), 4u);
  EXPECT_EQ(exec.output[1].text, "lo");
  EXPECT_EQ(exec.output[2].kind, OutputCheck::Kind::kMatches);
  EXPECT_EQ(exec.output[3].stream, OutputCheck::Stream::kStderr);
}

TEST_F(ReaderValid, AGoldenCaptureMayBeMissingWhereItIsToBeWritten) {
  const std::string text =
      "name: x\nsummary: y\ntopology: {namespaces: [a], links: [[a:eth0, a:eth1]]}\n"
      "steps: [{expect: {packets: {at: a:eth0, golden: new/g.pcap}}}]\n";
  EXPECT_THROW(Read(text), Error);
  options_.golden_may_be_missing = true;
  const Scenario s = Read(text);
  const PacketsCheck& check = std::get<ExpectStep>(s.steps[0].what).packets[0];
  EXPECT_FALSE(check.golden_is_there);
  EXPECT_EQ(check.golden, folder_.Path("suite/new/g.pcap"));
}

TEST_F(ReaderValid, WithoutATopologyNothingIsSentFromAnEndpoint) {
  const Scenario s = Read(
      "name: x\nsummary: y\nprograms: {p: {object: xdp_drop.bpf.o}}\nsteps: [{replay: {capture: "
      "dns.pcap}}]\n");
  EXPECT_EQ(std::get<ReplayStep>(s.steps[0].what).from, "");
}

TEST_F(ReaderValid, AliasesStandForWhatTheyName) {
  const Scenario s = Read("name: x\nsummary: &s y\ntags: [*s]\nsteps: []\n");
  EXPECT_THAT(s.tags, ElementsAre("y"));
}

TEST_F(ReaderValid, ObjectsAreLookedForBesideTheScenarioFirst) {
  options_.object_folders = {folder_.Path("lab")};
  folder_.Write("lab/xdp_drop.bpf.o", "");
  folder_.Write("lab/other.bpf.o", "");
  const Scenario s = Read(
      "name: x\nsummary: y\nprograms: {a: {object: xdp_drop.bpf.o}, b: {object: other.bpf.o}}\nsteps: []\n");
  EXPECT_EQ(s.programs[0].object, folder_.Path("suite/xdp_drop.bpf.o"));
  EXPECT_EQ(s.programs[1].object, folder_.Path("lab/other.bpf.o"));
}

TEST_F(ReaderValid, ATopologyIsReadFromAFileOfItsOwnOrFromAScenario) {
  EXPECT_EQ(ReadTopology(folder_.Write("t.yaml", "namespaces: [a]\n")).namespaces.size(), 1u);
  EXPECT_EQ(ReadTopology(folder_.Write("t.yaml", "topology: {namespaces: [a, b]}\n")).namespaces.size(), 2u);
  EXPECT_EQ(ReadTopology(folder_.Write("t.yaml", kWholeLanguage)).namespaces.size(), 5u);
  EXPECT_THROW(ReadTopology(folder_.Write("t.yaml", "namespces: [a]\n")), Error);
  EXPECT_THROW(ReadTopology(folder_.Write("t.yaml", "[a]\n")), Error);
}

TEST_F(ReaderValid, ScenariosAreFoundSortedAndHiddenOnesAreNot) {
  for (const char* name :
       {"f/b.yaml", "f/sub/a.yml", "f/.hidden.yaml", "f/.git/c.yaml", "f/x.topology.yaml", "f/notes.txt"})
    folder_.Write(name, "");
  EXPECT_THAT(FindScenarios({folder_.Path("f"), folder_.Path("f/b.yaml")}),
              ElementsAre(folder_.Path("f/b.yaml"), folder_.Path("f/sub/a.yml")));
  EXPECT_THAT(FindScenarios({folder_.Path("f/notes.txt")}), ElementsAre(folder_.Path("f/notes.txt")));
  EXPECT_THROW(FindScenarios({folder_.Path("captures")}), Error);
  EXPECT_THROW(FindScenarios({folder_.Path("missing")}), Error);
}

TEST_F(ReaderValid, TheLabsOwnObjectsAreLookedForBesideTheBinary) {
  // Tests are in BUILD/harness/scenario, objects in BUILD/bpf.
  const auto build =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
  if (!std::filesystem::is_directory(build / "bpf")) GTEST_SKIP() << "no objects are built";
  EXPECT_THAT(DefaultObjectFolders(), ::testing::Contains((build / "bpf").string()));
}

TEST_F(ReaderValid, TheExampleOfTheManual) {
  std::ifstream file(KNETLAB_SOURCE_DIR "/docs/scenario.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string manual = text.str();
  const std::string fence = "```yaml\n";
  const std::size_t begin = manual.find(fence) + fence.size();
  ASSERT_LT(begin, manual.size());
  folder_.Write("suite/drop_port.bpf.o", "");
  folder_.Write("captures/dnscap__dns.pcap", "");
  const Scenario s = Read(manual.substr(begin, manual.find("```", begin) - begin));
  EXPECT_EQ(s.name, "drop-dns");
  EXPECT_EQ(s.steps.size(), 2u);
}

TEST_F(ReaderValid, NamesAreUniqueInASuite) {
  const Scenario one = Read("name: x\nsummary: y\nsteps: []\n");
  const Scenario other = Read("name: z\nsummary: y\nsteps: []\n");
  RequireUniqueNames({one, other});
  try {
    RequireUniqueNames({one, other, one});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.parts().where, HasSubstr("s.yaml:1:7"));
  }
}

}  // namespace
}  // namespace knetlab
