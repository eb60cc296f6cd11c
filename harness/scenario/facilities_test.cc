// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/facilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "harness/scenario/probe_bench.h"
#include "netns/error.h"

namespace knetlab {
namespace {

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

ino_t OwnNamespace() {
  struct stat status {};
  EXPECT_EQ(::stat("/proc/thread-self/ns/net", &status), 0);
  return status.st_ino;
}

TEST(Facilities, AreAtLeastTwentyFourEachNamedOnce) {
  const std::vector<std::string> names = FacilityNames();
  EXPECT_GE(names.size(), 24U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(Facilities, EachSaysWhatWasSeenAndAFailedOneHowToGetIt) {
  const std::vector<Facility> facilities = ProbeFacilities();
  ASSERT_EQ(facilities.size(), FacilityNames().size());
  for (const Facility& facility : facilities) {
    EXPECT_FALSE(facility.detail.empty()) << facility.name;
    EXPECT_EQ(facility.hint.empty(), facility.works) << facility.name << ": " << facility.hint;
  }
}

TEST(Facilities, WhatTheRigsNeedWorksHere) {
  const std::vector<Facility> essentials = ProbeEssentials();
  EXPECT_GE(essentials.size(), 10U);
  for (const Facility& facility : essentials) {
    EXPECT_TRUE(facility.essential) << facility.name;
    EXPECT_TRUE(facility.works) << facility.name << ": " << facility.detail;
  }
}

TEST(Facilities, OneIsProbedByItsName) {
  const Facility facility = ProbeFacility("test-run-xdp");
  EXPECT_EQ(facility.name, "test-run-xdp");
  EXPECT_TRUE(facility.works) << facility.detail;
}

TEST(Facilities, AMistypedNameIsAnErrorWithTheNearest) {
  try {
    ProbeFacility("xdp-natve");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.parts().hint, testing::HasSubstr("xdp-native"));
  }
}

TEST(Facilities, ProbingLeavesNoDescriptorAndTheCallerInItsNamespace) {
  ProbeFacilities();  // libraries open what they keep
  const std::size_t descriptors = OpenDescriptors();
  const ino_t ns = OwnNamespace();
  ProbeFacilities();
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_EQ(OwnNamespace(), ns);
}

TEST(ProbePrograms, TheVerifiersRefusalIsAnErrorWithItsErrno) {
  // A socket filter without an exit.
  const bpf_insn no_exit = {
      .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
  try {
    LoadProgram({.type = BPF_PROG_TYPE_SOCKET_FILTER}, {&no_exit, 1});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().code, EINVAL);
  }
}

TEST(ProbePrograms, ATestRunGivesWhatTheProgramReturns) {
  for (const int verdict : {0, 1, 2, 7}) {
    EXPECT_EQ(RunOnce(LoadReturning({.type = BPF_PROG_TYPE_SOCKET_FILTER}, verdict).get()),
              static_cast<std::uint32_t>(verdict));
  }
}

}  // namespace
}  // namespace knetlab
