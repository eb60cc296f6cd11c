// SPDX-License-Identifier: Apache-2.0
#include "harness/program/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness/program/test_run.h"
#include "harness/program/test_support.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::vector<std::string> NamesOf(const BpfObject& object) {
  std::vector<std::string> names;
  for (const Program& program : object.programs()) names.push_back(program.name());
  return names;
}

std::string VerdictOf(const Program& program, std::size_t length = 64) {
  const TestRunResult result = TestRun(program, Packet(length));
  EXPECT_EQ(result.error, 0);
  return VerdictName(program.type(), result.code);
}

struct Kind {
  std::string program;
  std::string section;
  bpf_prog_type type;
  bool guess;
};

class ForeignSections : public testing::TestWithParam<Kind> {};

TEST_P(ForeignSections, TellTheTypeWithoutLoading) {
  for (const ProgramInfo& info : InspectObject(TestObject("test_kinds"))) {
    if (info.name != GetParam().program) continue;
    EXPECT_EQ(info.section, GetParam().section);
    EXPECT_EQ(ProgramTypeName(info.type), ProgramTypeName(GetParam().type));
    EXPECT_EQ(info.type_is_guess, GetParam().guess);
    EXPECT_GT(info.instructions, 0U);
    return;
  }
  FAIL() << "no program " << GetParam().program;
}

TEST_P(ForeignSections, LoadAloneWithTheirType) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {GetParam().program}});
  EXPECT_THAT(NamesOf(object), ElementsAre(GetParam().program));
  EXPECT_EQ(ProgramTypeName(object.program(GetParam().program).type()), ProgramTypeName(GetParam().type));
}

INSTANTIATE_TEST_SUITE_P(All, ForeignSections,
                         testing::Values(Kind{"drop_odd", "xdp", BPF_PROG_TYPE_XDP, false},
                                         Kind{"hook", "xdp_packet_hook", BPF_PROG_TYPE_XDP, true},
                                         Kind{"by_context", "prog", BPF_PROG_TYPE_XDP, true},
                                         Kind{"with_frags", "xdp.frags", BPF_PROG_TYPE_XDP, false},
                                         Kind{"lan", "tc/lan_egress_l2", BPF_PROG_TYPE_SCHED_CLS, true},
                                         Kind{"shoot", "classifier", BPF_PROG_TYPE_SCHED_CLS, false},
                                         Kind{"act", "action", BPF_PROG_TYPE_SCHED_ACT, false},
                                         Kind{"keep_64", "socket1", BPF_PROG_TYPE_SOCKET_FILTER, true},
                                         Kind{"by_use", "one", BPF_PROG_TYPE_SCHED_CLS, true},
                                         Kind{"on_request", "xdp", BPF_PROG_TYPE_XDP, false}),
                         [](const auto& kind) { return kind.param.program; });

TEST(BpfObjectLoad, AsksTheVerifierWhereNothingElseTellsTheType) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {"by_verifier"}});
  EXPECT_EQ(object.program("by_verifier").type(), BPF_PROG_TYPE_SCHED_CLS);
}

TEST(BpfObjectLoad, LoadsProgramsOfSeveralTypesInTheFilesOrderButThoseOnRequest) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {});
  EXPECT_EQ(object.programs().size(), 11U);
  EXPECT_EQ(object.programs().front().name(), "drop_odd");
  EXPECT_THAT(NamesOf(object), testing::Not(testing::Contains("on_request")));
  for (const Program& program : object.programs()) {
    EXPECT_GT(program.instructions(), 0U) << program.name();
    EXPECT_GT(program.id(), 0U) << program.name();
    EXPECT_GT(program.verified_ns(), 0U) << program.name();
    EXPECT_LT(program.verified_ns(), 60'000'000'000U) << program.name();
  }
  EXPECT_EQ(object.sha256().size(), 64U);
}

TEST(BpfObjectLoad, KeepsLibbpfsAttachTypeAndFrags) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {});
  EXPECT_EQ(object.program("drop_odd").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP));
  EXPECT_EQ(object.program("hook").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP));
  EXPECT_EQ(object.program("for_devmap").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP_DEVMAP));
  EXPECT_TRUE(object.program("with_frags").has_frags());
  EXPECT_FALSE(object.program("drop_odd").has_frags());
}

TEST(BpfObjectLoad, TakesTypesFromTheCaller) {
  const BpfObject object =
      BpfObject::Load(TestObject("test_kinds"),
                      {.programs = {"act", "for_devmap"},
                       .types = {{"act", BPF_PROG_TYPE_SCHED_CLS}, {"for_devmap", BPF_PROG_TYPE_XDP}}});
  EXPECT_EQ(object.program("act").type(), BPF_PROG_TYPE_SCHED_CLS);
  EXPECT_EQ(object.program("for_devmap").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP));
}

TEST(BpfObjectLoad, ForcesFragsOnXdpProgramsOnly) {
  const BpfObject object =
      BpfObject::Load(TestObject("test_kinds"), {.programs = {"drop_odd", "shoot"}, .force_frags = true});
  EXPECT_TRUE(object.program("drop_odd").has_frags());
  EXPECT_FALSE(object.program("shoot").has_frags());
}

TEST(BpfObjectLoad, AddsTheProgramsThatAProgramArrayIsInitialisedWith) {
  const BpfObject object = BpfObject::Load(TestObject("test_tail_calls"), {.programs = {"first"}});
  EXPECT_THAT(NamesOf(object), UnorderedElementsAre("first", "second"));
  EXPECT_EQ(VerdictOf(object.program("first")), "XDP_TX");
}

TEST(BpfObjectLoad, FillsMapsAndSetsTheirSize) {
  LoadOptions options;
  options.map_sizes["verdict_of_length"] = 100;
  for (std::uint32_t length = 60; length < 70; ++length) {
    options.map_contents["verdict_of_length"].push_back(
        {.key = Bytes(length), .value = Bytes(std::uint64_t{length % 2 == 0 ? XDP_DROP : XDP_TX})});
  }
  const BpfObject object = BpfObject::Load(TestObject("test_maps"), options);
  const BpfMap& map = object.map("verdict_of_length");
  EXPECT_EQ(map.max_entries(), 100U);
  EXPECT_EQ(map.Dump(1000).size(), 10U);
  EXPECT_EQ(map.Dump(3).size(), 3U);
  EXPECT_EQ(VerdictOf(object.program("by_length"), 64), "XDP_DROP");
  EXPECT_EQ(VerdictOf(object.program("by_length"), 65), "XDP_TX");
  EXPECT_EQ(VerdictOf(object.program("by_length"), 80), "XDP_PASS");
}

TEST(BpfObjectLoad, SetsGlobalVariablesWithBytesOfTheirSize) {
  std::size_t asked_size = 0;
  LoadOptions options;
  options.globals["otherwise"] = Global(std::uint32_t{XDP_TX});
  options.globals["small"] = [&](std::size_t size) {
    asked_size = size;
    return Bytes(std::uint16_t{3});
  };
  options.globals["seen"] = Global(std::uint64_t{1000});
  const BpfObject object = BpfObject::Load(TestObject("test_maps"), options);
  EXPECT_EQ(asked_size, 2U);
  EXPECT_EQ(VerdictOf(object.program("by_length")), "XDP_TX");
  EXPECT_EQ(VerdictOf(object.program("by_length")), "XDP_TX");
  for (const BpfMap& map : object.maps()) {
    if (!map.name().ends_with(".bss")) continue;
    EXPECT_EQ(map.Lookup(Bytes(std::uint32_t{0})), Bytes(std::uint64_t{1006}));
    return;
  }
  FAIL() << "no .bss map";
}

TEST(BpfObjectLoad, SharesAMapOfAnotherObject) {
  const BpfObject first =
      BpfObject::Load(TestObject("test_maps"), {.map_sizes = {{"verdict_of_length", 50}}});
  const BpfObject second = BpfObject::Load(
      TestObject("test_maps"), {.shared_maps = {{"verdict_of_length", first.map("verdict_of_length").fd()}}});
  EXPECT_EQ(second.map("verdict_of_length").max_entries(), 50U);
  first.map("verdict_of_length").Update({Bytes(std::uint32_t{64}), Bytes(std::uint64_t{XDP_DROP})});
  EXPECT_EQ(VerdictOf(second.program("by_length"), 64), "XDP_DROP");
}

TEST(BpfObjectLoad, RefusesToShareAMapOfAnotherLayout) {
  const BpfObject first = BpfObject::Load(TestObject("test_maps"), {});
  const ErrorParts error = ErrorOf([&] {
    BpfObject::Load(TestObject("test_maps"),
                    {.shared_maps = {{"verdict_of_length", first.map("runs").fd()}}});
  });
  EXPECT_THAT(error.where, HasSubstr("verdict_of_length"));
}

TEST(BpfObjectLoad, PinsNothing) {
  const BpfObject object = BpfObject::Load(TestObject("test_maps"), {});
  EXPECT_LT(bpf_obj_get("/sys/fs/bpf/verdict_of_length"), 0);
}

TEST(BpfMaps, GiveEachCpuItsValueOfAPerCpuMap) {
  const BpfObject object = BpfObject::Load(TestObject("test_maps"), {});
  const BpfMap& runs = object.map("runs");
  const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  ASSERT_TRUE(runs.per_cpu());
  runs.Update({Bytes(std::uint32_t{0}), Bytes(std::uint32_t{5})});
  VerdictOf(object.program("by_length"));
  const auto values = runs.Lookup(Bytes(std::uint32_t{0}));
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), cpus * 8);
  std::uint64_t sum = 0;
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    std::uint32_t value = 0;
    std::memcpy(&value, values->data() + cpu * 8, sizeof(value));
    sum += value;
  }
  EXPECT_EQ(sum, cpus * 5 + 1);
}

TEST(BpfMaps, CheckSizesAndTellWhatIsMissing) {
  const BpfObject object = BpfObject::Load(TestObject("test_maps"), {});
  const BpfMap& map = object.map("verdict_of_length");
  EXPECT_EQ(map.Lookup(Bytes(std::uint32_t{1})), std::nullopt);
  EXPECT_THAT(ErrorOf([&] { map.Lookup(Bytes(std::uint64_t{1})); }).why,
              HasSubstr("8 bytes given, the map has 4"));
  EXPECT_THROW(map.Update({Bytes(std::uint32_t{1}), Bytes(std::uint32_t{1})}), Error);
  for (std::uint32_t key = 0; key < 4; ++key) map.Update({Bytes(key), Bytes(std::uint64_t{1})});
  EXPECT_THAT(ErrorOf([&] {
                map.Update({Bytes(std::uint32_t{9}), Bytes(std::uint64_t{1})});
              }).hint,
              HasSubstr("at most 4"));
}

}  // namespace
}  // namespace knetlab
