// SPDX-License-Identifier: Apache-2.0
// Expectations of packets, cost and output, on real programs and devices; needs root.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "harness/scenario/deadline.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/reader_test_folder.h"
#include "harness/scenario/rig.h"
#include "harness/scenario/suitable_rigs.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTopology =
    "topology:\n"
    "  namespaces: [client, server]\n"
    "  links: [[client:eth0 10.0.0.1/24, server:eth0 10.0.0.2/24]]\n";

class Expectations : public ::testing::Test {
 protected:
  // A capture, a program at the server's XDP hook ("": none), and what is expected.
  Scenario Make(const std::string& capture, const std::string& program, const std::string& expect) {
    std::string text = fmt::format("name: x\nsummary: y\n{}", kTopology);
    if (!program.empty())
      text += fmt::format("programs: {{p: {{object: {}/{}.bpf.o, attach: {{xdp: server:eth0}}}}}}\n",
                          KNETLAB_OBJECTS, program);
    text += fmt::format("steps:\n  - replay: {{capture: {}/{}, from: client:eth0}}\n  - expect: {}\n",
                        KNETLAB_CAPTURES, capture, expect);
    return Read(text);
  }
  Scenario Read(const std::string& text) {
    return ReadScenarios(folder_.Write("suite/s.yaml", text),
                         {.object_folders = {}, .features = {}, .golden_may_be_missing = true})
        .front();
  }
  static RigResult Run(const std::string& rig, const Scenario& scenario, bool update = false) {
    const auto tracer = rig == "wire" ? std::make_shared<Tracer>() : nullptr;
    return MakeRig(rig)->Run(scenario, {.tracer = tracer, .cost = false, .update_golden = update}, {});
  }
  static std::vector<std::string> Failures(const RigResult& result) {
    std::vector<std::string> failures;
    for (const CheckResult& check : result.checks) {
      if (!check.pass) failures.push_back(check.expect + ": " + check.message);
    }
    return failures;
  }
  static std::string Refusal(const std::string& rig, const Scenario& scenario) {
    try {
      Run(rig, scenario);
    } catch (const Error& e) {
      EXPECT_THAT(e.parts().where, HasSubstr("s.yaml:"));
      return e.parts().why;
    }
    return "";
  }

  TestFolder folder_;
};

// Nothing between the two ends changes a packet: what arrives is the capture, tags and all.
TEST_F(Expectations, WhatArrivesIsWhatWasSentOnBothRigs) {
  for (const char* capture : {"dnscap__dns.pcap", "dnscap__vlan11.pcap", "tcpdump__802.1ad_QinQ.pcap",
                              "zeek__vlan-qinqinq.pcap", "zeek__ipv6-fragmented-dns.pcap"}) {
    const std::string golden = fmt::format("{}/{}", KNETLAB_CAPTURES, capture);
    const Scenario scenario = Make(capture, "",
                                   fmt::format("{{packets: [{{at: server:eth0, golden: {0}}}, {{at: "
                                               "client:eth0, direction: out, golden: {0}}}]}}",
                                               golden));
    EXPECT_THAT(Failures(Run("wire", scenario)), ElementsAre()) << capture;
    EXPECT_THAT(Failures(Run("unit", scenario)), ElementsAre()) << capture;
  }
}

TEST_F(Expectations, AGoldenCaptureOfTheUnitRigHoldsOnTheWire) {
  const Scenario scenario = Make("zeek__wikipedia.pcap", "reflect",
                                 "{packets: {at: client:eth0, golden: reflected.pcap, count: 136}}");
  const RigResult written = Run("unit", scenario, true);
  EXPECT_THAT(Failures(written), ElementsAre());
  EXPECT_THAT(written.notes, ElementsAre(HasSubstr("reflected.pcap: 136 packets")));
  const Scenario again = Make("zeek__wikipedia.pcap", "reflect",
                              "{packets: {at: client:eth0, golden: reflected.pcap, count: 136}}");
  EXPECT_THAT(Failures(Run("wire", again)), ElementsAre());
  EXPECT_THAT(Failures(Run("unit", again)), ElementsAre());
}

TEST_F(Expectations, TheFirstDifferenceIsShown) {
  const std::string golden = fmt::format("{}/dnscap__dns.pcap", KNETLAB_CAPTURES);
  const Scenario scenario = Make("dnscap__dns.pcap", "drop_port",
                                 fmt::format("{{packets: {{at: server:eth0, golden: {}}}}}", golden));
  for (const char* rig : {"wire", "unit"}) {
    const auto failures = Failures(Run(rig, scenario));
    ASSERT_EQ(failures.size(), 1u) << rig;
    EXPECT_THAT(failures[0], HasSubstr("packets.server:eth0: expected the 133 packets of")) << rig;
    EXPECT_THAT(failures[0], HasSubstr("found 92")) << rig;
    EXPECT_THAT(failures[0], HasSubstr(":53 UDP")) << rig;
  }
}

TEST_F(Expectations, PacketsAreThoseSinceTheLastExpect) {
  const std::string replay = fmt::format(
      "  - replay: {{capture: {}/dnscap__dns.pcap, from: client:eth0, limit: 5}}\n", KNETLAB_CAPTURES);
  const Scenario scenario =
      Read(fmt::format("name: x\nsummary: y\n{}steps:\n{}  - expect: {{ledger: {{pass: 5}}}}\n{}{}"
                       "  - expect: {{packets: {{at: server:eth0, count: 10}}}}\n",
                       kTopology, replay, replay, replay));
  EXPECT_THAT(Failures(Run("wire", scenario)), ElementsAre());
  EXPECT_THAT(Failures(Run("unit", scenario)), ElementsAre());
}

TEST_F(Expectations, WhatComesOutOfAProgramIsTheUnitRigs) {
  const Scenario scenario = Make("dnscap__dns.pcap", "drop_port", "{packets: {program: p, count: 92}}");
  EXPECT_THAT(Failures(Run("unit", scenario)), ElementsAre());
  EXPECT_THAT(Refusal("wire", scenario), HasSubstr("sees packets at endpoints"));
  EXPECT_THAT(SuitableRigs(scenario), ElementsAre("unit"));
}

TEST_F(Expectations, TheUnitRigSaysWhatItCannotSee) {
  EXPECT_THAT(Refusal("unit", Make("dnscap__dns.pcap", "drop_port",
                                   "{packets: {at: server:eth0, direction: out, count: 0}}")),
              HasSubstr("no stack that would send from server:eth0"));
  const Scenario latency = Make("dnscap__dns.pcap", "drop_port", "{latency: {p: {p99: \"< 1s\"}}}");
  EXPECT_THAT(Refusal("unit", latency), HasSubstr("take time"));
  EXPECT_THAT(SuitableRigs(latency), ElementsAre("wire"));
}

TEST_F(Expectations, CostIsComparedAfterTheRun) {
  const Scenario scenario =
      Make("dnscap__dns.pcap", "drop_port", "{cost: {p.ns_per_packet: \"< 1000000\"}, ledger: {drop: 41}}");
  const RigResult result = MakeRig("unit")->Run(scenario, {}, {});
  EXPECT_THAT(Failures(result), ElementsAre());
  EXPECT_EQ(result.checks.back().expect, "cost.p.ns_per_packet");
}

TEST_F(Expectations, LatencyIsComparedAfterTheRun) {
  const Scenario scenario = Make("dnscap__dns.pcap", "drop_port",
                                 "{latency: {p: {p50: \"> 0ns\", max: \"< 5s\"}, nowhere: {p99: \"< 1s\"}}}");
  const RigResult result = Run("wire", scenario);
  EXPECT_THAT(Failures(result), ElementsAre(HasSubstr("latency.nowhere.p99: no latency of nowhere")));
}

TEST_F(Expectations, CommandsAreComparedByWhatTheyPrint) {
  const Scenario scenario = Read(
      fmt::format("name: x\nsummary: y\n{}steps:\n"
                  "  - exec: {{in: client, argv: [sh, -c, \"echo one; echo two >&2; exit 3\"], status: 3,\n"
                  "           stdout: {{equals: one}}, stderr: {{contains: [tw, wo], matches: \"^t.o\"}}}}\n"
                  "  - exec: {{in: client, argv: [echo, one], stdout: {{equals: two}}}}\n",
                  kTopology));
  const RigResult result = Run("wire", scenario);
  EXPECT_THAT(Failures(result), ElementsAre("exec.stdout.equals: expected exactly \"two\", found\n  one"));
  EXPECT_EQ(result.checks.back().mark.line, 9);
}

// A command that has closed its output is still waited for, and still ended by a stop.
TEST_F(Expectations, ACommandThatPrintsNoMoreIsStillStopped) {
  const Scenario scenario =
      Read(fmt::format("name: x\nsummary: y\n{}steps:\n"
                       "  - exec: {{in: client, argv: [sh, -c, \"exec >/dev/null 2>&1 sleep 600\"]}}\n",
                       kTopology));
  const Deadline deadline({}, std::chrono::milliseconds(300));
  EXPECT_THROW(MakeRig("wire")->Run(scenario, {.tracer = nullptr, .cost = false}, deadline.token()), Error);
}

}  // namespace
}  // namespace knetlab
