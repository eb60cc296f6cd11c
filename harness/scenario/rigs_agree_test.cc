// SPDX-License-Identifier: Apache-2.0
// The smoke scenarios on both rigs: what a program decides about a packet, and what the checks find, is the
// same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <ostream>

#include "harness/scenario/reader.h"
#include "harness/scenario/rig.h"
#include "harness/scenario/suitable_rigs.h"

namespace knetlab {

// GoogleTest finds it beside the type: what a test that fails is about.
static void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.file;
}

namespace {

std::vector<Scenario> ScenariosOfBothRigs() {
  std::vector<Scenario> found;
  for (const auto& entry : std::filesystem::directory_iterator(KNETLAB_SMOKE)) {
    if (entry.path().extension() != ".yaml") continue;
    for (const Scenario& scenario : ReadScenarios(entry.path(), {{KNETLAB_OBJECTS}, {}})) {
      if (SuitableRigs(scenario).size() == 2) found.push_back(scenario);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Scenario& left, const Scenario& right) { return left.name < right.name; });
  return found;
}

RigResult RunOn(const char* rig, const Scenario& scenario, std::shared_ptr<Tracer> tracer) {
  RigOptions options;
  options.tracer = std::move(tracer);
  options.per_packet = true;
  options.cost = false;
  RigResult result = MakeRig(rig)->Run(scenario, options, {});
  for (const CheckResult& check : result.checks)
    EXPECT_TRUE(check.pass) << rig << " " << check.expect << ": " << check.message;
  return result;
}

class RigsAgree : public testing::TestWithParam<Scenario> {};

TEST_P(RigsAgree, PacketByPacket) {
  const Scenario& scenario = GetParam();
  const RigResult unit = RunOn("unit", scenario, nullptr),
                  wire = RunOn("wire", scenario, std::make_shared<Tracer>());
  EXPECT_EQ(unit.verdicts, wire.verdicts);
  EXPECT_EQ(unit.ledger.sent, wire.ledger.sent);
  ASSERT_EQ(unit.packets.size(), wire.packets.size());
  std::uint64_t compared = 0;
  for (std::size_t i = 0; i < wire.packets.size(); ++i) {
    ASSERT_EQ(unit.packets[i].index, wire.packets[i].index);
    // The wire rig tells what the program decided that is declared first: on another link there is another
    // one.
    if (!wire.packets[i].code) continue;
    ++compared;
    EXPECT_EQ(unit.packets[i].verdict, wire.packets[i].verdict) << "packet " << wire.packets[i].index;
  }
  std::uint64_t decided = 0;
  for (const auto& [verdict, count] : wire.verdicts.at(scenario.programs.front().label)) decided += count;
  EXPECT_EQ(compared, decided);
}

INSTANTIATE_TEST_SUITE_P(Smoke, RigsAgree, testing::ValuesIn(ScenariosOfBothRigs()), [](const auto& each) {
  std::string name = each.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace knetlab
