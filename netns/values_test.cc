// SPDX-License-Identifier: Apache-2.0
// Addresses, units, nearest names: what has no kernel behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "netns/error.h"
#include "netns/ip.h"
#include "netns/nearest.h"
#include "netns/units.h"

namespace knetlab {
namespace {

TEST(IpAddress, IsReadAndWrittenInBothFamilies) {
  for (const char* text : {"10.0.0.1", "255.255.255.255", "::", "fd00::1", "::ffff:1.2.3.4"}) {
    EXPECT_EQ(IpAddress::Parse(text).ToString(), text);
  }
  EXPECT_EQ(IpAddress::Parse("10.0.0.1").family, AF_INET);
  EXPECT_EQ(IpAddress::Parse("10.0.0.1").size(), 4);
  EXPECT_EQ(IpAddress::Parse("FD00:0::1"), IpAddress::Parse("fd00::1"));
  EXPECT_EQ(IpAddress{}.ToString(), "none");
}

TEST(IpAddress, RefusesWhatIsNone) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "10.0.0"sv, "10.0.0.256"sv, "10.0.0.1 "sv, "fd00::g"sv, "server"sv,
                          "10.0.0.1\0x"sv, "fe80::1%eth0"sv}) {
    EXPECT_THROW(IpAddress::Parse(text), Error) << text;
  }
}

TEST(IpPrefix, KeepsHostBitsAndDefaultsToTheWholeAddress) {
  EXPECT_EQ(IpPrefix::Parse("10.0.0.1/24").ToString(), "10.0.0.1/24");
  EXPECT_EQ(IpPrefix::Parse("10.0.0.1").length, 32);
  EXPECT_EQ(IpPrefix::Parse("fd00::1").length, 128);
  EXPECT_EQ(IpPrefix::Parse("::/0").length, 0);
  for (const char* text : {"10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/", "10.0.0.1/8x", "fd00::/129", "/24"}) {
    EXPECT_THROW(IpPrefix::Parse(text), Error) << text;
  }
}

TEST(MacAddress, IsSixPairsOfDigits) {
  EXPECT_EQ(MacAddress::Parse("02:00:00:AB:cd:ef").ToString(), "02:00:00:ab:cd:ef");
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-01",
                           "02:00:00:00:00:001", "2:0:0:0:0:1"}) {
    EXPECT_THROW(MacAddress::Parse(text), Error) << text;
  }
}

TEST(NearestName, FindsTyposAndNothingElse) {
  const std::vector<std::string> names = {"client", "server", "router"};
  EXPECT_EQ(NearestName("servr", names), "server");
  EXPECT_EQ(NearestName("sevrer", names), "server");
  EXPECT_EQ(NearestName("Client", names), "client");
  EXPECT_EQ(NearestName("database", names), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName("x", {}), "");
  EXPECT_EQ(NearestName(std::string(10000, 's'), names), "");
}

TEST(NearestHint, ListsAFewWhereNoneIsNear) {
  EXPECT_EQ(NearestHint("sever", {"client", "server"}), "did you mean server?");
  EXPECT_EQ(NearestHint("database", {"client", "server"}), "there are: client, server");
  EXPECT_EQ(NearestHint("database", {"client"}), "there is: client");
  EXPECT_EQ(NearestHint("database", {}), "");
}

TEST(Units, AreThoseOfTc) {
  EXPECT_EQ(ParseRate("1mbit"), 125000U);
  EXPECT_EQ(ParseRate("100kbps"), 100000U);
  EXPECT_EQ(ParseRate("8"), 1U);
  EXPECT_EQ(ParseBytes("32k"), 32768U);
  EXPECT_EQ(ParseBytes("1500"), 1500U);
  EXPECT_EQ(ParseNanoseconds("10ms"), 10'000'000U);
  EXPECT_EQ(ParseNanoseconds("1.5s"), 1'500'000'000U);
  EXPECT_EQ(ParseNanoseconds("3"), 3000U);
  EXPECT_DOUBLE_EQ(ParseShare("1%"), 0.01);
  EXPECT_DOUBLE_EQ(ParseShare("0.5"), 0.5);
  EXPECT_EQ(ParseHexadecimal("0x10"), 16U);
  EXPECT_EQ(ParseCount("10"), 10U);
}

TEST(Units, RefuseOthers) {
  for (const char* text :
       {"", "fast", "1parsec", "-1", "nan", "inf", "1e3", "1 mbit", "99999999999999999999gbit"}) {
    EXPECT_THROW(ParseRate(text), Error) << text;
    EXPECT_THROW(ParseNanoseconds(text), Error) << text;
  }
  EXPECT_THROW(ParseShare("101%"), Error);
  EXPECT_THROW(ParseCount("1k"), Error);
}

}  // namespace
}  // namespace knetlab
