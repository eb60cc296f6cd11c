// SPDX-License-Identifier: Apache-2.0
// What is told of packets that differ from a golden capture.
#include "harness/scenario/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/traffic/capture_writer.h"
#include "harness/traffic/test_packets.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using testing::Bytes;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Ipv4Frame;
using testing::MakePacket;
using ::testing::StartsWith;
using testing::TempDir;
using testing::Udp;
using Field = IgnoredBytes::Field;

Packet UdpTo(std::uint16_t port, std::string_view source = "0a000007") {
  return MakePacket(Ipv4Frame(17, source, "0a000002", Udp(5353, port, 20)));
}

std::vector<Packet> Ports(std::initializer_list<std::uint16_t> ports) {
  std::vector<Packet> packets;
  for (const std::uint16_t port : ports) packets.push_back(UdpTo(port));
  return packets;
}

TEST(Golden, NothingIsToldOfEqualPackets) {
  EXPECT_EQ(FirstDifference(Ports({1, 2}), Ports({1, 2}), {}, false), "");
  EXPECT_EQ(FirstDifference(Ports({1, 2, 2}), Ports({2, 1, 2}), {}, true), "");
}

TEST(Golden, TheFirstDifferenceShowsBothPacketsAndTheBytes) {
  const std::string text = FirstDifference(Ports({1, 53}), Ports({1, 80}), {}, false);
  EXPECT_THAT(text, StartsWith("packet 2 differs from byte 37 on\n"));
  EXPECT_THAT(text, HasSubstr("\n  golden  10.0.0.7:5353 > 10.0.0.2:53 UDP 62\n"));
  EXPECT_THAT(text, HasSubstr("\n  found   10.0.0.7:5353 > 10.0.0.2:80 UDP 62\n"));
  EXPECT_THAT(text, HasSubstr("\n  golden  0x0020: 00 02 14 e9 00 35 "));
  EXPECT_THAT(text, HasSubstr("\n  found   0x0020: 00 02 14 e9 00 50 "));
}

TEST(Golden, APacketThatIsMissingOrTooManyIsToldAsThat) {
  EXPECT_EQ(FirstDifference(Ports({1, 2, 3}), Ports({1, 3}), {}, false),
            "packet 2 of the golden capture is missing\n  golden  10.0.0.7:5353 > 10.0.0.2:2 UDP 62");
  EXPECT_EQ(FirstDifference(Ports({1, 2}), Ports({1}), {}, false),
            "packet 2 of the golden capture is missing\n  golden  10.0.0.7:5353 > 10.0.0.2:2 UDP 62");
  EXPECT_EQ(FirstDifference(Ports({1, 3}), Ports({1, 2, 3}), {}, false),
            "packet 2 is not in the golden capture\n  found   10.0.0.7:5353 > 10.0.0.2:2 UDP 62");
  EXPECT_THAT(FirstDifference({}, Ports({9}), {}, false), StartsWith("packet 1 is not in"));
}

TEST(Golden, InAnyOrderEachIsCountedAsOftenAsItIsThere) {
  const std::string text = FirstDifference(Ports({1, 2, 2}), Ports({2, 1, 1}), {}, true);
  EXPECT_THAT(text,
              HasSubstr("packet 3 of the golden capture is missing\n  golden  10.0.0.7:5353 > 10.0.0.2:2"));
  EXPECT_THAT(text, HasSubstr("packet 3 is not in the golden capture\n  found   10.0.0.7:5353 > 10.0.0.2:1"));
}

TEST(Golden, APacketThatIsOnlyLongerDiffersAtItsEnd) {
  Packet longer = UdpTo(1);
  longer.bytes.push_back(std::byte{7});
  EXPECT_THAT(FirstDifference({UdpTo(1)}, {longer}, {}, false),
              StartsWith("packet 1 differs from byte 62 on"));
}

TEST(Golden, IgnoredFieldsAreNotCompared) {
  Packet other = UdpTo(53);
  const auto flip = [&](std::size_t at) { other.bytes[at] ^= std::byte{0xff}; };
  const std::pair<Field, std::size_t> fields[] = {{Field::kDestinationMac, 5}, {Field::kSourceMac, 6},
                                                  {Field::kIpId, 19},          {Field::kTtl, 22},
                                                  {Field::kIpChecksum, 24},    {Field::kChecksum, 41}};
  for (const auto& [field, at] : fields) {
    flip(at);
    EXPECT_NE(FirstDifference({UdpTo(53)}, {other}, {}, false), "") << at;
    EXPECT_EQ(FirstDifference({UdpTo(53)}, {other}, {{.field = field}}, false), "") << at;
    EXPECT_EQ(
        FirstDifference({UdpTo(53)}, {other}, {{.field = Field::kRange, .first = at, .last = at}}, false),
        "");
    flip(at);
  }
}

TEST(Golden, IgnoringTouchesNothingOfPacketsWithoutTheField) {
  Packet arp = MakePacket(testing::Ethernet(0x0806));
  arp.bytes.resize(42);
  const Packet tiny = MakePacket(Bytes(14));
  for (const Packet& packet : {arp, tiny}) {
    EXPECT_EQ(
        ComparedBytes(packet, {{.field = Field::kIpId}, {.field = Field::kChecksum}, {.field = Field::kTtl}}),
        packet.bytes);
    EXPECT_EQ(ComparedBytes(packet, {{.field = Field::kRange, .first = 100, .last = 200}}), packet.bytes);
  }
}

class GoldenFile : public ::testing::Test {
 protected:
  std::vector<CheckResult> Check(const std::vector<Packet>& found, bool update) {
    return CheckPackets(check_, found, {.update = update}, notes_);
  }

  TempDir folder_;
  std::vector<std::string> notes_;
  PacketsCheck check_{.at = "server:eth0",
                      .program = "",
                      .golden = folder_.Path("g.pcap"),
                      .golden_is_there = true,
                      .ignore = {},
                      .any_order = false,
                      .count = std::nullopt,
                      .mark = {"s.yaml", 3, 7}};
};

TEST_F(GoldenFile, IsWrittenOnlyWhenAskedAndOnlyWhereItDiffers) {
  WriteCapture(check_.golden, Ports({1, 2}));
  const Bytes before = testing::ReadFile(check_.golden);
  const auto failed = Check(Ports({1, 3}), false);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_FALSE(failed[0].pass);
  EXPECT_EQ(failed[0].expect, "packets.server:eth0");
  EXPECT_THAT(failed[0].message, StartsWith("expected the 2 packets of "));
  EXPECT_THAT(failed[0].mark.ToString(), EndsWith("s.yaml:3:7"));
  EXPECT_EQ(testing::ReadFile(check_.golden), before);

  EXPECT_TRUE(Check(Ports({1, 2}), true)[0].pass);
  EXPECT_TRUE(notes_.empty());
  EXPECT_TRUE(Check(Ports({1, 3}), true)[0].pass);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_THAT(notes_[0], EndsWith("g.pcap: 2 packets"));
  EXPECT_TRUE(Check(Ports({1, 3}), false)[0].pass);
}

TEST_F(GoldenFile, ThatIsMissingIsWritten) {
  check_.golden_is_there = false;
  EXPECT_TRUE(Check(Ports({5}), true)[0].pass);
  EXPECT_EQ(ReadCapture(check_.golden).packets.at(0).bytes, UdpTo(5).bytes);
}

TEST_F(GoldenFile, ThatCannotBeReadOrWrittenIsAnErrorAtTheExpectation) {
  EXPECT_THROW(Check(Ports({1}), false), Error);
  check_.golden_is_there = false;
  check_.golden = folder_.Path("missing/g.pcap");
  try {
    Check(Ports({1}), true);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.parts().where, StartsWith("s.yaml:3:7"));
  }
  EXPECT_THROW(Check({}, true), Error);
}

TEST_F(GoldenFile, TheNumberOfPacketsIsComparedByItself) {
  check_.golden.clear();
  check_.count = NumberCheck{.op = NumberCheck::Op::kEqual, .value = 0, .mark = {"s.yaml", 4, 9}};
  EXPECT_TRUE(Check({}, false)[0].pass);
  const auto results = Check(Ports({8, 9}), false);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].message, "expected 0 packets, found 2; the first: 10.0.0.7:5353 > 10.0.0.2:8 UDP 62");
  EXPECT_EQ(results[0].mark.line, 4);
}

}  // namespace
}  // namespace knetlab
