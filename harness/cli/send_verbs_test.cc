// SPDX-License-Identifier: Apache-2.0
// knetlab replay and knetlab flood, run for real between two namespaces.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "harness/cli/command_test_support.h"
#include "harness/traffic/test_frame_tap.h"
#include "netns/counters.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kCapture = KNETLAB_CAPTURES "/dnscap__dns.pcap";
constexpr std::uint64_t kPackets = 133;  // capinfos -c

class SendVerbs : public ::testing::TestWithParam<const char*> {
 protected:
  // A peer with GRO takes frames.
  SendVerbs()
      : topology_(
            Topology::Build(knetlab::testing::TwoNamespaces(GetParam() == std::string("live-frames")))) {}

  std::vector<std::string> Words(std::vector<std::string> words) const {
    const std::string path = fmt::format("/proc/{}/fd/{}", ::getpid(), topology_.ns("client").fd());
    words.insert(words.end(), {"--dev", "eth0", "--netns", path, "--json"});
    return words;
  }
  json Run(std::vector<std::string> words) const {
    const Finished finished = RunKnetlab(Words(std::move(words)));
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    return json::parse(finished.out);
  }
  std::uint64_t Received() const { return LinkStatistics(topology_.ns("server"), "eth0").at("rx_packets"); }

  Topology topology_;
};

TEST_P(SendVerbs, ReplaySendsACaptureByTheMethodThatFits) {
  const json document = Run({"replay", kCapture, "--topspeed", "--loop", "3"});
  EXPECT_EQ(document.at("schema"), "knetlab.replay/1");
  EXPECT_EQ(document.at("method"), GetParam());
  EXPECT_EQ(document.at("why").get<std::string>().empty(), GetParam() == std::string("live-frames"));
  EXPECT_EQ(document.at("packets"), 3 * kPackets);
  EXPECT_EQ(document.at("failed"), 0);
  EXPECT_GT(document.at("bytes"), 3 * kPackets * 42);
  EXPECT_GT(document.at("duration_ns"), 0);
  EXPECT_GT(document.at("pps"), 0);
  EXPECT_EQ(Received(), 3 * kPackets);
}

TEST_P(SendVerbs, ADurationEndsAReplayThatGoesOn) {
  const json document = Run({"replay", kCapture, "--pps", "2000", "--duration", "0.3"});
  EXPECT_EQ(document.at("method"), GetParam());
  EXPECT_GT(document.at("packets"), 0);
  EXPECT_LE(document.at("packets"), 700);
  EXPECT_EQ(document.at("packets"), Received());
}

TEST_P(SendVerbs, FloodSendsSoManyPackets) {
  const json document = Run({"flood", "mixed", "--count", "100000", "--seed", "7", "--distinct", "1000"});
  EXPECT_EQ(document.at("schema"), "knetlab.flood/1");
  EXPECT_EQ(document.at("method"), GetParam());
  EXPECT_EQ(document.at("packets"), 100'000);
  EXPECT_EQ(document.at("failed"), 0);
  EXPECT_EQ(Received(), 100'000U);
}

TEST_P(SendVerbs, AnInterruptEndsAFloodByThatSignal) {
  RunningCommand command(Words({"flood", "udp", "--pps", "10000"}));
  while (Received() < 10) std::this_thread::yield();
  command.Signal(SIGINT);
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.signal, SIGINT) << finished.err;
  EXPECT_EQ(json::parse(finished.out).at("packets"), Received());
}

INSTANTIATE_TEST_SUITE_P(Methods, SendVerbs, ::testing::Values("af-packet", "live-frames"),
                         [](const auto& each) {
                           return std::string(each.param) == "af-packet" ? "AfPacket" : "LiveFrames";
                         });

TEST(SendVerbUsage, MistakesAreToldBeforeAnythingIsSent) {
  const auto error = [](std::vector<std::string> words) {
    words.insert(words.end(), {"--dev", "lo", "--json"});
    const Finished finished = RunKnetlab(std::move(words));
    EXPECT_EQ(finished.status, 2) << finished.out;
    return finished.out;
  };
  EXPECT_THAT(error({"replay", kCapture, "--pps", "1", "--topspeed"}), HasSubstr("more than one"));
  EXPECT_THAT(error({"replay", kCapture, "--pps", "-1"}), HasSubstr("--pps"));
  EXPECT_THAT(error({"replay", kCapture, "--method", "carrier-pigeon"}), HasSubstr("--method"));
  EXPECT_THAT(error({"replay", kCapture, "--netns", "nowhere-at-all"}), HasSubstr("nowhere-at-all"));
  EXPECT_THAT(error({"flood", "sin"}), HasSubstr("syn"));
  EXPECT_THAT(error({"flood", "udp", "--set", "spotr=1"}), HasSubstr("sport"));
}

}  // namespace
}  // namespace knetlab
