// SPDX-License-Identifier: Apache-2.0
// Filters in the kernel, compared with libpcap; needs root.
#include "harness/scenario/filter_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/filter/classic.h"
#include "harness/scenario/filter_check.h"
#include "harness/scenario/filter_forms.h"
#include "harness/traffic/capture_file.h"

namespace knetlab {
namespace {

using Ran = FilterDriver::Ran;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Bytes = std::vector<std::byte>;

Code Compiled(const std::string& expression, FilterTarget target) {
  return CompileFilter(
      CompileExpression(expression),
      {.target = target, .match = FilterDriver::kMatchCode, .otherwise = FilterDriver::kOtherwiseCode});
}

Code Returning(std::int32_t value) {
  Assembler a;
  a.Mov(R0, value);
  a.Exit();
  return a.Finish();
}

// Of IPv4, with a last byte.
Bytes PacketOf(std::size_t size, int last) {
  Bytes packet(size);
  packet[12] = std::byte{8};
  if (size > 14) packet.back() = static_cast<std::byte>(last);
  return packet;
}

TEST(FilterDriver, GivesEachFilterItsVerdict) {
  FilterDriver driver(false);
  driver.Set(FilterTarget::kXdp, 0, Compiled("ip", FilterTarget::kXdp));
  driver.Set(FilterTarget::kXdp, 1, Compiled("ip6", FilterTarget::kXdp));
  driver.Set(FilterTarget::kXdp, 15, Compiled("len = 60", FilterTarget::kXdp));
  const FilterDriver::Verdicts verdicts = driver.Run(FilterTarget::kXdp, PacketOf(60, 0));
  EXPECT_EQ(verdicts[0], Ran::kMatch);
  EXPECT_EQ(verdicts[1], Ran::kOtherwise);
  EXPECT_EQ(verdicts[15], Ran::kMatch);
  EXPECT_EQ(std::count(verdicts.begin(), verdicts.end(), Ran::kNot), 13);
  driver.Clear();
  EXPECT_THAT(driver.Run(FilterTarget::kXdp, PacketOf(60, 0)), Each(Ran::kNot));
}

TEST(FilterDriver, TakesNoOtherValueForAVerdict) {
  FilterDriver driver(false);
  driver.Set(FilterTarget::kXdp, 0, Compiled("ip", FilterTarget::kXdp));
  for (const std::int32_t value : {0, 3, 5, -1}) {
    driver.Set(FilterTarget::kXdp, 1, Returning(value));
    EXPECT_EQ(driver.Run(FilterTarget::kXdp, PacketOf(60, 0))[1], Ran::kNot) << value;
  }
}

// Test runs of TC refuse such packets; longer ones than a page are in fragments for XDP.
TEST(FilterDriver, RunsPacketsThatTestRunsRefuse) {
  FilterDriver driver(true);
  for (const FilterTarget target : {FilterTarget::kXdpFrags, FilterTarget::kTc}) {
    driver.Set(target, 0, Compiled("ip", target));
    driver.Set(target, 1, Compiled("len > 9000 and ether[9000] = 7", target));
    for (const std::size_t size : {14U, 15U, 33U, 34U, 9001U, 9002U, 16000U}) {
      const FilterDriver::Verdicts verdicts = driver.Run(target, PacketOf(size, 7));
      EXPECT_EQ(verdicts[0], Ran::kMatch) << size;
      EXPECT_EQ(verdicts[1], size == 9001 ? Ran::kMatch : Ran::kOtherwise) << size;
    }
  }
}

std::vector<std::string> Captures() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(KNETLAB_CAPTURES)) {
    const std::string extension = entry.path().extension();
    // Two files hold packets of other link types.
    const std::string name = entry.path().filename();
    const bool ethernet =
        name.find("test102") == std::string::npos && name.find("invalid_nano") == std::string::npos;
    if ((extension == ".pcap" || extension == ".pcapng") && ethernet) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(CheckFilters, FindsNoDifferenceOverTheCorpus) {
  for (const bool optimise : {true, false}) {
    const FilterCheckResult result = CheckFilters(
        {.expressions = ReadExpressions(KNETLAB_FILTERS), .captures = Captures(), .optimise = optimise});
    EXPECT_TRUE(result.holds());
    EXPECT_EQ(result.difference_count, 0U);
    for (const FilterDifference& one : result.differences)
      ADD_FAILURE() << one.expression << " on " << one.capture << " #" << one.packet << " in " << one.target;
    for (const FilterRefusal& one : result.refused)
      EXPECT_THAT(one.why, AnyOf(HasSubstr("not in the packet"), HasSubstr("netmask not known")))
          << one.expression;
    EXPECT_THAT(result.not_run, IsEmpty());
    EXPECT_EQ(result.comparisons, 2 * (result.expressions - result.refused.size()) * result.packets.total);
    EXPECT_GT(result.matches, result.comparisons / 100);
  }
}

TEST(CheckFilters, CountsPacketsAsOftenAsTheyStandThere) {
  const std::string capture = std::string(KNETLAB_CAPTURES) + "/dnscap__dns.pcap";
  const FilterCheckResult once = CheckFilters({.expressions = {"udp"}, .captures = {capture}});
  const FilterCheckResult twice = CheckFilters({.expressions = {"udp"}, .captures = {capture, capture}});
  EXPECT_EQ(once.packets.total, ReadCapture(capture).packets.size());
  EXPECT_EQ(twice.packets.total, 2 * once.packets.total);
  EXPECT_EQ(twice.distinct, once.distinct);
  EXPECT_EQ(twice.comparisons, 2 * once.comparisons);
  EXPECT_EQ(twice.matches, 2 * once.matches);
}

TEST(CheckFilters, NamesWhatItDidNotCompare) {
  const std::string capture = std::string(KNETLAB_CAPTURES) + "/tcpdump__bigtcp-ipv6-hbh.pcap";
  const FilterCheckResult result =
      CheckFilters({.expressions = {"tcp port", "inbound", "ip6"}, .captures = {capture}});
  ASSERT_EQ(result.refused.size(), 2U);
  EXPECT_THAT(result.refused[0].why, HasSubstr("syntax error"));
  EXPECT_THAT(result.refused[1].why, HasSubstr("not in the packet"));
  ASSERT_EQ(result.packets.cut.size(), 1U);
  EXPECT_EQ(result.packets.cut[0].length, 80094U);
  EXPECT_EQ(result.comparisons, 2 * result.packets.total);
  EXPECT_TRUE(result.holds());
}

}  // namespace
}  // namespace knetlab
