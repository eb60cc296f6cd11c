// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/name_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/scenario/runner.h"
#include "netns/error.h"

namespace knetlab {
namespace {

Scenario Tagged(const std::string& name, const std::vector<std::string>& tags) {
  Scenario scenario;
  scenario.name = name;
  scenario.tags = tags;
  return scenario;
}

const Scenario kDns = Tagged("drop-dns", {"xdp", "dns"});
const Scenario kSlow = Tagged("slow-dns", {"tc", "slow"});

std::pair<bool, bool> Taken(const std::vector<std::string>& filters) {
  const ScenarioFilter filter(filters);
  return {filter.Takes(kDns), filter.Takes(kSlow)};
}

TEST(ScenarioFilter, NoneTakesAll) {
  EXPECT_EQ(Taken({}), std::pair(true, true));
}

TEST(ScenarioFilter, AWordIsPartOfTheNameAndATagIsWhole) {
  EXPECT_EQ(Taken({"dns"}), std::pair(true, true));
  EXPECT_EQ(Taken({"drop"}), std::pair(true, false));
  EXPECT_EQ(Taken({"tag:xdp"}), std::pair(true, false));
  EXPECT_EQ(Taken({"tag:xd"}), std::pair(false, false));
}

TEST(ScenarioFilter, WordsMustAllHoldAndOfSeveralFiltersAny) {
  EXPECT_EQ(Taken({"dns !tag:slow"}), std::pair(true, false));
  EXPECT_EQ(Taken({"tag:xdp tag:slow"}), std::pair(false, false));
  EXPECT_EQ(Taken({"tag:xdp", "tag:slow"}), std::pair(true, true));
  EXPECT_EQ(Taken({"!drop"}), std::pair(false, true));
}

TEST(ScenarioFilter, WithoutWordsIsAMistake) {
  for (const char* wrong : {"", " ", "!", "tag:", "dns !tag:"})
    EXPECT_THROW(ScenarioFilter({wrong}), Error) << wrong;
}

TEST(ScenarioFilter, ThatTakesNothingNamesTheNearestTag) {
  try {
    ScenarioFilter({"tag:slwo"}).ThrowNoneTaken({kDns, kSlow});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.parts().hint, testing::HasSubstr("slow"));
  }
}

// As docs/cli.md tells: printf 1/drop-dns/2 | sha256sum | cut -c1-8
TEST(ScenarioSeed, IsTheBeginningOfAHashOfSeedNameAndRepetition) {
  EXPECT_EQ(ScenarioSeed(1, "drop-dns", 2), 0xc9504662U);
  EXPECT_NE(ScenarioSeed(1, "drop-dns", 1), ScenarioSeed(1, "drop-dns", 2));
  EXPECT_NE(ScenarioSeed(1, "drop-dns", 1), ScenarioSeed(2, "drop-dns", 1));
}

}  // namespace
}  // namespace knetlab
