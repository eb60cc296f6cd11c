// SPDX-License-Identifier: Apache-2.0
// What TC programs do with packets, on the way out and on the way in: each ends at a place that is known
// beforehand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness/measure/account_test_support.h"
#include "harness/program/attach.h"

namespace knetlab {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

// client:eth0 - server:eth0, client:eth1 - server:eth1, server:eth2 - third:eth0
TopologySpec Links() {
  TopologySpec spec = knetlab::Pair();
  spec.namespaces.push_back({.name = "third", .sysctls = {}});
  LinkSpec second, third;
  second.ends[0].ns = "client";
  second.ends[1].ns = third.ends[0].ns = "server";
  third.ends[1].ns = "third";
  second.ends[0].interface = second.ends[1].interface = "eth1";
  third.ends[0].interface = "eth2";
  third.ends[1].interface = "eth0";
  spec.links.push_back(second);
  spec.links.push_back(third);
  return spec;
}

GlobalContent Number(int value) {
  return [value](std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), &value, std::min(size, sizeof(value)));
    return bytes;
  };
}

struct AttachedTc {
  BpfObject object;
  std::unique_ptr<Attachment> attachment;
  HookedProgram hook;
};

AttachedTc AttachTc(const Topology& topology, const std::string& endpoint, const std::string& hook,
                    const std::string& program, int target = 0, int flags = 0,
                    const std::string& mode = "auto") {
  LoadOptions options;
  options.programs = {program};
  options.globals = {{"target", Number(target)}, {"flags", Number(flags)}};
  BpfObject object = BpfObject::Load(KNETLAB_OBJECTS "/account_test.bpf.o", options);
  const EndpointInfo& at = topology.endpoint(endpoint);
  AttachPoint point;
  point.ns = &topology.ns(at.ns);
  point.interface = at.interface;
  point.mode = mode;
  auto attachment = AttacherFor(hook).attach(object.program(program), point);
  HookedProgram hooked{.endpoint = endpoint, .hook = hook, .mode = attachment->Mode(), .program = program};
  return {std::move(object), std::move(attachment), hooked};
}

// Three odd, two even; one packet a system call, for their numbers.
Sent SendFive(const Topology& topology, const HookedProgram& hook) {
  return SendThrough(topology, OpenAccount(SharedTracer(), topology, {hook}, {.per_packet = true}),
                     Datagrams(topology, {61, 60, 63, 62, 65}), {.batch = 1});
}

std::vector<std::string> VerdictsOf(const Sent& sent) {
  std::vector<std::string> verdicts;
  for (const PacketFate& packet : sent.result.packets) verdicts.push_back(packet.verdict);
  return verdicts;
}

void ExpectRedirectsOfOdd(const Sent& sent, Fate fate, const std::string& place) {
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_EQ(sent.result.ledger.CountAt(fate, place), 3u) << sent.Text();
  EXPECT_EQ(sent.result.ledger.Count(Fate::kPassed), 2u) << sent.Text();
  EXPECT_THAT(VerdictsOf(sent),
              ElementsAre("TC_ACT_REDIRECT", "TC_ACT_OK", "TC_ACT_REDIRECT", "TC_ACT_OK", "TC_ACT_REDIRECT"));
  EXPECT_THAT(sent.result.hooks[0].verdicts,
              UnorderedElementsAre(Pair("TC_ACT_OK", 2), Pair("TC_ACT_REDIRECT", 3)));
}

TEST(TcAccount, TellsWhatLeavesThroughAnotherDeviceThanItWasSentOutOf) {
  Topology topology = Topology::Build(Links());
  AttachedTc tc = AttachTc(topology, "client:eth0", "tc-egress", "tc_redirect_odd",
                           topology.endpoint("client:eth1").ifindex);
  ExpectRedirectsOfOdd(SendFive(topology, tc.hook), Fate::kRedirected,
                       "client:eth0 tc egress tc_redirect_odd");
}

TEST(TcAccount, TellsWhatTurnsRoundOnItsWayOut) {
  Topology topology = Topology::Build(Links());
  for (const char* device : {"client:eth0", "client:eth1"}) {
    SCOPED_TRACE(device);
    AttachedTc tc = AttachTc(topology, "client:eth0", "tc-egress", "tc_redirect_odd",
                             topology.endpoint(device).ifindex, BPF_F_INGRESS);
    ExpectRedirectsOfOdd(SendFive(topology, tc.hook), Fate::kRedirected,
                         "client:eth0 tc egress tc_redirect_odd");
  }
}

TEST(TcAccount, KeepsWhatTurnsRoundApartFromWhatIsDroppedOnItsWayOut) {
  Topology topology = Topology::Build(Links());
  AttachedTc tc = AttachTc(topology, "client:eth0", "tc-egress", "tc_redirect_odd_drop_even",
                           topology.endpoint("client:eth1").ifindex, BPF_F_INGRESS);
  Sent sent = SendThrough(topology, OpenAccount(SharedTracer(), topology, {tc.hook}, {}),
                          Datagrams(topology, {61, 60, 63, 62, 65}));
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_EQ(sent.result.ledger.Count(Fate::kRedirected), 3u) << sent.Text();
  EXPECT_EQ(sent.result.ledger.Count(Fate::kDropped), 2u) << sent.Text();
  EXPECT_THAT(sent.result.hooks[0].verdicts,
              UnorderedElementsAre(Pair("TC_ACT_SHOT", 2), Pair("TC_ACT_REDIRECT", 3)));
}

TEST(TcAccount, ARedirectToNoInterfaceIsALossAndARedirect) {
  Topology topology = Topology::Build(Links());
  {
    AttachedTc tc = AttachTc(topology, "client:eth0", "tc-egress", "tc_redirect_odd", 999);
    ExpectRedirectsOfOdd(SendFive(topology, tc.hook), Fate::kLost, "client:eth0 tc redirect");
  }
  AttachedTc tc = AttachTc(topology, "server:eth0", "tc-ingress", "tc_redirect_odd", 999);
  ExpectRedirectsOfOdd(SendFive(topology, tc.hook), Fate::kLost, "server:eth0 tc redirect");
}

TEST(TcAccount, TellsWhatCameToAnotherNamespaceWithoutALink) {
  Topology topology = Topology::Build(Links());
  AttachedTc tc = AttachTc(topology, "server:eth0", "tc-ingress", "tc_to_peer_odd",
                           topology.endpoint("server:eth2").ifindex);
  ExpectRedirectsOfOdd(SendFive(topology, tc.hook), Fate::kRedirected,
                       "server:eth0 tc ingress tc_to_peer_odd");
}

TEST(TcAccount, NamesTheProgramThatStealsOnTheWayOut) {
  Topology topology = Topology::Build(Links());
  AttachedTc tc = AttachTc(topology, "client:eth0", "tc-egress", "tc_steal", 0, 0, "clsact");
  const Sent sent = SendFive(topology, tc.hook);
  ExpectOnly(sent, Fate::kDropped, "client:eth0 tc egress tc_steal", "TC_ACT_STOLEN", 5);
  EXPECT_THAT(sent.result.hooks[0].verdicts, ElementsAre(Pair("TC_ACT_STOLEN", 5)));
}

}  // namespace
}  // namespace knetlab
