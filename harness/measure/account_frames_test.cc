// SPDX-License-Identifier: Apache-2.0
// Live frames at the highest rate: every one is counted to its end, although none is followed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/measure/account_test_support.h"
#include "harness/program/attach.h"
#include "harness/traffic/live_frames.h"
#include "harness/traffic/receiver.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kLoops = 50'000;

class FrameAccounts : public ::testing::Test {
 protected:
  FrameAccounts() : topology_(Topology::Build(Pair())) {
    topology_.EnableNapi(topology_.endpoint("client:eth0"));  // what XDP_TX sends back
  }

  HookedProgram Attach(const std::string& program) {
    LoadOptions options;
    options.programs = {program};
    object_.emplace(BpfObject::Load(KNETLAB_OBJECTS "/account_test.bpf.o", options));
    attachment_ = AttacherFor("xdp").attach(
        object_->program(program), {.ns = &topology_.ns("server"), .interface = "eth0", .mode = "native"});
    return {.endpoint = "server:eth0", .hook = "xdp", .mode = attachment_->Mode(), .program = program};
  }

  Sent SendFrames(std::vector<HookedProgram> hooks, const std::vector<std::size_t>& lengths) {
    const Capture capture = Datagrams(topology_, lengths);
    MemoryFeed feed("test", capture.packets);
    LiveFrames source(feed, {.loops = kLoops});
    auto account = OpenAccount(SharedTracer(), topology_, std::move(hooks), {.frames = true});
    const TrafficReport report = source.Send({.ns = &topology_.ns("client"), .interface = "eth0"});
    return {account->Close({{"client", report, "eth0"}}, kDeadline)};
  }

  Topology topology_;
  std::optional<BpfObject> object_;
  std::unique_ptr<Attachment> attachment_;
};

TEST_F(FrameAccounts, DropsArePutDownToTheProgramAndThePassedToTheStack) {
  Receiver receiver(
      topology_.ns("server"),
      {.address = IpAddress::Parse("10.0.0.2"), .port = 53, .interface = "", .buffer_bytes = {}}, "dns");
  const Sent sent = SendFrames({Attach("drop_odd")}, {60, 61, 63, 65});
  const Ledger& ledger = sent.result.ledger;
  EXPECT_TRUE(ledger.balanced()) << sent.Text();
  EXPECT_EQ(ledger.sent, 4 * kLoops);
  EXPECT_EQ(ledger.CountAt(Fate::kDropped, "server:eth0 xdp drop_odd"), 3 * kLoops) << sent.Text();
  // How many a socket takes at this rate is the machine's, but each has an end.
  EXPECT_GT(ledger.CountAt(Fate::kDelivered, "server:socket"), 0U) << sent.Text();
  EXPECT_EQ(sent.result.hooks[0].verdicts,
            (std::map<std::string, std::uint64_t>{{"XDP_DROP", 3 * kLoops}, {"XDP_PASS", kLoops}}));
}

TEST_F(FrameAccounts, WhatIsSentBackIsTransmittedOrLostOnTheWay) {
  const Sent sent = SendFrames({Attach("send_back")}, {60});
  const Ledger& ledger = sent.result.ledger;
  EXPECT_TRUE(ledger.balanced()) << sent.Text();
  EXPECT_GT(ledger.CountAt(Fate::kTransmitted, "server:eth0 xdp send_back"), 0U) << sent.Text();
  EXPECT_EQ(ledger.CountAt(Fate::kTransmitted, "server:eth0 xdp send_back") +
                ledger.CountAt(Fate::kLost, "server:eth0 xdp tx"),
            kLoops)
      << sent.Text();
}

TEST_F(FrameAccounts, ARedirectToNowhereIsALoss) {
  const Sent sent = SendFrames({Attach("redirect_all")}, {60});
  ExpectOnly(sent, Fate::kLost, "server:eth0 xdp redirect", "XDP_REDIRECT", kLoops);
}

TEST_F(FrameAccounts, WithoutAnybodyWhoTakesThemTheSenderTellsOfTheLoss) {
  const Sent sent = SendFrames({}, {60});
  ExpectOnly(sent, Fate::kLost, "server:eth0 no napi", "EOPNOTSUPP", kLoops);
}

// The same when packets come that nobody here sent: they cannot be told from the others, and it is said.
TEST_F(FrameAccounts, OthersPacketsAreNotTakenForOurs) {
  const HookedProgram hook = Attach("drop_odd");
  const Capture capture = Datagrams(topology_, {61});
  MemoryFeed feed("test", capture.packets);
  auto account = OpenAccount(nullptr, topology_, {hook}, {.frames = true});
  LiveFrames(feed, {}).Send({.ns = &topology_.ns("client"), .interface = "eth0"});
  const TrafficReport report =
      LiveFrames(feed, {}).Send({.ns = &topology_.ns("client"), .interface = "eth0"});
  const Sent sent = {account->Close({{"client", report, "eth0"}}, kDeadline)};
  EXPECT_FALSE(sent.result.ledger.balanced()) << sent.Text();
  EXPECT_THAT(
      sent.result.ledger.missing,
      ::testing::Contains(::testing::HasSubstr("1 packets that nobody here sent came to server:eth0")));
}

TEST_F(FrameAccounts, AProgramWhoseVerdictsNoCounterTellsIsRefused) {
  EXPECT_THROW(OpenAccount(SharedTracer(), topology_,
                           {{.endpoint = "server:eth0", .hook = "tc-ingress", .mode = "tcx", .program = "x"}},
                           {.frames = true}),
               Error);
}

}  // namespace
}  // namespace knetlab
