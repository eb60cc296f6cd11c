// SPDX-License-Identifier: Apache-2.0
// Taps and written captures; needs root.
#include "harness/traffic/packet_tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "harness/traffic/capture_writer.h"
#include "harness/traffic/replay.h"
#include "harness/traffic/test_packets.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab::testing {
namespace {

using ::testing::HasSubstr;
using Direction = PacketTap::Direction;

std::vector<Bytes> BytesOf(const std::vector<Packet>& packets) {
  std::vector<Bytes> bytes;
  for (const Packet& packet : packets) bytes.push_back(packet.bytes);
  return bytes;
}

class Tap : public ::testing::Test {
 protected:
  static Topology Build() {
    TopologySpec spec;
    spec.namespaces = {{.name = "a", .sysctls = {}}, {.name = "b", .sysctls = {}}};
    LinkSpec link;
    link.ends[0] = {.ns = "a", .interface = "eth0", .addresses = {}, .mac = {}, .offloads = {}};
    link.ends[1] = {.ns = "b", .interface = "eth0", .addresses = {}, .mac = {}, .offloads = {}};
    spec.links = {link};
    return Topology::Build(spec);
  }
  void Send(const std::vector<Packet>& packets) {
    Capture capture;
    capture.packets = packets;
    Replay replay(capture, {});
    replay.Send({.ns = &topology_.ns("a"), .interface = "eth0"});
  }

  Topology topology_ = Build();
};

TEST_F(Tap, SeesOneDirectionOnlyAndEachPacketOnce) {
  PacketTap sent(topology_.ns("a"), "eth0", Direction::kSent, "a:eth0");
  PacketTap back(topology_.ns("a"), "eth0", Direction::kReceived, "a:eth0");
  PacketTap received(topology_.ns("b"), "eth0", Direction::kReceived, "b:eth0");
  const std::vector<Packet> packets = DistinctFrames(500, 200);
  Send(packets);
  EXPECT_EQ(BytesOf(sent.Take()), BytesOf(packets));
  EXPECT_EQ(BytesOf(received.Take()), BytesOf(packets));
  EXPECT_TRUE(back.Take().empty());
  EXPECT_TRUE(received.Take().empty());
}

TEST_F(Tap, GivesVlanTagsBack) {
  PacketTap tap(topology_.ns("b"), "eth0", Direction::kReceived, "b:eth0");
  const Bytes macs = FromHex("020000000002 020000000001"), rest = FromHex("0800") + Bytes(60);
  const std::vector<Packet> packets = {MakePacket(macs + FromHex("8100 600b") + rest),
                                       MakePacket(macs + FromHex("88a8 0001 8100 0002") + rest)};
  Send(packets);
  EXPECT_EQ(BytesOf(tap.Take()), BytesOf(packets));
}

TEST_F(Tap, SaysHowManyItCouldNotKeep) {
  PacketTap tap(topology_.ns("b"), "eth0", Direction::kReceived, "b:eth0", 1000);
  Send(DistinctFrames(9, 200));
  try {
    tap.Take();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.parts().where, "b:eth0");
    EXPECT_THAT(e.parts().why, HasSubstr("4 packets were lost"));
  }
}

TEST_F(Tap, OfAnInterfaceThatIsNotThereIsAnError) {
  EXPECT_THROW(PacketTap(topology_.ns("b"), "eth7", Direction::kReceived, "b:eth7"), Error);
}

TEST(CaptureWriter, WhatIsWrittenIsReadBack) {
  const TempDir folder;
  const std::vector<Packet> packets = DistinctFrames(3, 100);
  WriteCapture(folder.Path("c.pcap"), packets);
  const Capture capture = ReadCapture(folder.Path("c.pcap"));
  EXPECT_EQ(BytesOf(capture.packets), BytesOf(packets));
  EXPECT_EQ(capture.packets[2].time_ns, 3000u);
  EXPECT_TRUE(capture.notice.empty());
}

TEST(CaptureWriter, ReplacesAFileAsAWholeAndLeavesNothingElse) {
  const TempDir folder;
  const std::string path = folder.Write("c.pcap", Bytes(9));
  WriteCapture(path, DistinctFrames(3, 100));
  const Bytes first = ReadFile(path);
  WriteCapture(path, DistinctFrames(3, 100));
  EXPECT_EQ(ReadFile(path), first);
  EXPECT_THROW(WriteCapture(folder.Path("no/c.pcap"), {}), Error);
  const std::filesystem::directory_iterator files(folder.Path(""));
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

}  // namespace
}  // namespace knetlab::testing
