// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <optional>

#include "harness/filter/assembler.h"
#include "harness/program/test_instrument_support.h"
#include "harness/program/test_run.h"
#include "harness/program/test_support.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::vector<bpf_insn> Return(std::int32_t code) {
  Assembler a;
  a.Mov(R0, code);
  a.Exit();
  return a.Finish().instructions;
}

struct Hard {
  const char* program;
  std::optional<InstrumentMethod> method;  // none: the kernel's limits of the stack decide
};

class HardPrograms : public testing::TestWithParam<Hard> {};

TEST_P(HardPrograms, DecideAsBeforeAndAreSeenAtTheirVerdicts) {
  const Comparison comparison =
      Compare(TestObject("test_instrument"), GetParam().program, Only(GetParam().program), ChoicePackets());
  ASSERT_EQ(comparison.refused, "");
  if (!GetParam().method && comparison.method == InstrumentMethod::kNone) {
    EXPECT_THAT(comparison.why, HasSubstr("stack"));  // above 480 bytes on Linux 6.1
    return;
  }
  EXPECT_NE(comparison.method, InstrumentMethod::kNone) << comparison.why;
  if (GetParam().method) {
    EXPECT_EQ(MethodName(comparison.method), MethodName(*GetParam().method)) << comparison.why;
  }
  EXPECT_THAT(comparison.differences, IsEmpty());
  EXPECT_GT(comparison.packets, 40U);
  EXPECT_EQ(comparison.unsteady, 0U);
}

constexpr auto kBypass = InstrumentMethod::kBypass;
constexpr auto kWrapper = InstrumentMethod::kWrapper;
constexpr auto kExits = InstrumentMethod::kExits;
INSTANTIATE_TEST_SUITE_P(
    All, HardPrograms,
    testing::Values(Hard{"xdp_every", kExits}, Hard{"tc_every", kExits}, Hard{"act_every", kExits},
                    Hard{"socket_every", kExits}, Hard{"cgroup_every", kExits}, Hard{"xdp_frags", kExits},
                    Hard{"xdp_resize", kExits}, Hard{"xdp_functions", kExits}, Hard{"xdp_callback", kExits},
                    Hard{"tc_spin_lock", kExits}, Hard{"xdp_timer", kExits}, Hard{"xdp_calls", kBypass},
                    Hard{"xdp_calls_below", kBypass}, Hard{"tc_legacy_load", kBypass},
                    Hard{"xdp_stack_448", std::nullopt}, Hard{"xdp_stack_480", std::nullopt},
                    Hard{"xdp_stack_504", std::nullopt}, Hard{"xdp_frames", kExits},
                    Hard{"xdp_redirects", kExits}),
    [](const auto& hard) { return std::string(hard.param.program); });

// Objects that need functions of the kernel; where it lacks them the plain program does not load either.
Comparison CompareKernelObject(const std::string& program) {
  return Compare(TestObject("test_instrument_kernel"), program, Only(program), ChoicePackets());
}

TEST(Instrumentation, KeepsTheBtfThatListsInMapsNeed) {
  const Comparison comparison = CompareKernelObject("tc_list");
  if (!comparison.refused.empty()) GTEST_SKIP() << "needs bpf_list (Linux 6.6): " << comparison.refused;
  EXPECT_EQ(MethodName(comparison.method), "exits") << comparison.why;
  EXPECT_EQ(comparison.watched, ChoicePackets().size());
  EXPECT_THAT(comparison.differences, IsEmpty());
}

TEST(Instrumentation, TellsWhichEndsItDoesNotSee) {
  const auto unseen = [](const char* object, const char* program, std::vector<InstrumentMethod> methods) {
    return BpfObject::Load(TestObject(object), Only(program, std::move(methods)))
        .program(program)
        .instrumentation()
        ->unseen();
  };
  EXPECT_EQ(unseen("test_instrument", "xdp_every", {kExits}), "");
  EXPECT_EQ(unseen("test_instrument", "xdp_calls", {kWrapper}), "");
  EXPECT_EQ(unseen("test_instrument", "xdp_calls", {kBypass}), "");
  EXPECT_EQ(unseen("test_instrument", "xdp_calls", {kExits}), "tail calls");
  EXPECT_THAT(unseen("test_instrument", "tc_legacy_load", {kExits}), HasSubstr("LD_ABS"));
  const Comparison comparison = CompareKernelObject("tc_throw");
  if (!comparison.refused.empty()) GTEST_SKIP() << "needs bpf_throw (Linux 6.7): " << comparison.refused;
  EXPECT_EQ(unseen("test_instrument_kernel", "tc_throw", {}), "exceptions (bpf_throw)");
  EXPECT_EQ(comparison.same, ChoicePackets().size());
  EXPECT_EQ(comparison.watched, ChoicePackets().size() - 3) << "but for those that are thrown away";
}

class Methods : public testing::TestWithParam<InstrumentMethod> {};

TEST_P(Methods, SeeEveryVerdictOfXdpAndTc) {
  for (const char* program : {"xdp_every", "tc_every", "xdp_functions", "xdp_resize"}) {
    const Comparison comparison =
        Compare(TestObject("test_instrument"), program, Only(program, {GetParam()}), ChoicePackets());
    EXPECT_EQ(MethodName(comparison.method), MethodName(GetParam())) << program << ": " << comparison.why;
    EXPECT_EQ(comparison.watched, ChoicePackets().size()) << program;
    EXPECT_THAT(comparison.differences, IsEmpty()) << program;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Methods,
                         testing::Values(kBypass, kWrapper, InstrumentMethod::kStaticStubs,
                                         InstrumentMethod::kExits),
                         [](const auto& method) {
                           std::string name(MethodName(method.param));
                           return name == "static stubs" ? "static_stubs" : name;
                         });

TEST(Instrumentation, LeavesAProgramThatCannotBeInstrumentedAsItIsAndSaysWhy) {
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_frames", {kWrapper}));
  const Program& program = object.program("xdp_frames");
  const Instrumentation& instrumentation = *program.instrumentation();
  EXPECT_EQ(instrumentation.method(), InstrumentMethod::kNone);
  EXPECT_THAT(instrumentation.why(), HasSubstr("wrapper: "));
  EXPECT_EQ(instrumentation.slots(), 0U);
  EXPECT_EQ(instrumentation.entry_fd(), -1);
  EXPECT_EQ(program.fd(), instrumentation.plain_fd());
  EXPECT_EQ(TestRun(program, Choice(1)).error, 0);
  EXPECT_THROW(instrumentation.InsertAtEntry(instrumentation.LoadCapture("c", Return(1))), Error);
}

TEST(Instrumentation, TriesMethodsInTheirOrderAndSaysWhyNotTheFirst) {
  const Comparison comparison =
      Compare(TestObject("test_instrument"), "xdp_frames",
              Only("xdp_frames", {kWrapper, InstrumentMethod::kStaticStubs, kExits}), ChoicePackets());
  EXPECT_EQ(MethodName(comparison.method), "exits") << comparison.why;
  EXPECT_THAT(comparison.why, HasSubstr("wrapper: the call stack of 9 frames is too deep"));
  EXPECT_THAT(comparison.why, HasSubstr("static stubs: "));
  EXPECT_THAT(comparison.differences, IsEmpty());
}

// By every method alone, and with all of the stack in use: what has no room says so, and the program stays.
TEST(Instrumentation, GivesAReasonOrKeepsTheVerdictWithAFullStack) {
  Assembler a;
  a.StoreValue(Size::kDouble, R10, -512, XDP_TX);
  a.Load(Size::kDouble, R0, R10, -512);
  a.Exit();
  const std::vector<bpf_insn> code = a.Finish().instructions;
  RawProgramSpec spec;
  spec.name = "full";
  spec.type = BPF_PROG_TYPE_XDP;
  spec.instructions = code;
  for (const InstrumentMethod method : {kWrapper, InstrumentMethod::kStaticStubs, kExits}) {
    spec.instrument = InstrumentOptions{.methods = {method}};
    const RawProgram raw = RawProgram::Load(spec);
    const Instrumentation& instrumentation = *raw.program().instrumentation();
    EXPECT_EQ(TestRun(raw.program(), Packet(60)).code, static_cast<std::uint32_t>(XDP_TX));
    if (instrumentation.method() == InstrumentMethod::kNone) {
      EXPECT_THAT(instrumentation.why(), HasSubstr("stack")) << MethodName(method);
      continue;
    }
    EXPECT_NE(method, kExits) << "the context has no place";
    const Watched watched(raw.program());
    EXPECT_EQ(TestRun(raw.program(), Packet(60)).code, static_cast<std::uint32_t>(XDP_TX));
    EXPECT_EQ(watched.OnlyAt(XDP_TX), "");
  }
}

TEST(Instrumentation, LeavesProgramsAloneWhereAsked) {
  const BpfObject object =
      BpfObject::Load(TestObject("test_instrument"), Only("xdp_every", {InstrumentMethod::kNone}));
  EXPECT_EQ(object.program("xdp_every").instrumentation()->why(), "left as it is, as asked");
  const BpfObject plain = BpfObject::Load(TestObject("test_instrument"), {.programs = {"xdp_every"}});
  EXPECT_EQ(plain.program("xdp_every").instrumentation(), nullptr);
}

TEST(Instrumentation, TakesTheNamedProgramsOnly) {
  LoadOptions options;
  options.programs = {"xdp_every", "tc_every"};
  options.instrument = {.programs = {"tc_every"}};
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  EXPECT_EQ(object.program("xdp_every").instrumentation(), nullptr);
  EXPECT_EQ(object.program("tc_every").instrumentation()->method(), kExits);
  options.instrument = {.programs = {"xdp_evry"}};
  const ErrorParts error = ErrorOf([&] { BpfObject::Load(TestObject("test_instrument"), options); });
  EXPECT_THAT(error.hint, HasSubstr("xdp_every"));
}

TEST(Instrumentation, KeepsTypeFragsAndAttachType) {
  LoadOptions options;
  options.programs = {"xdp_devmap", "xdp_cpumap", "xdp_frags", "act_every"};
  options.types = {{"act_every", BPF_PROG_TYPE_SCHED_CLS}};
  options.instrument.emplace();
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  for (const Program& program : object.programs()) {
    if (program.name() == "xdp_called") continue;
    EXPECT_NE(program.instrumentation()->method(), InstrumentMethod::kNone)
        << program.name() << ": " << program.instrumentation()->why();
    const Watched watched(program);  // the kernel compares the inserted programs with their owner
  }
  EXPECT_EQ(object.program("xdp_devmap").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP_DEVMAP));
  EXPECT_EQ(object.program("xdp_cpumap").expected_attach_type(), static_cast<std::uint32_t>(BPF_XDP_CPUMAP));
  EXPECT_TRUE(object.program("xdp_frags").has_frags());
  EXPECT_EQ(object.program("act_every").type(), BPF_PROG_TYPE_SCHED_CLS);
}

TEST(Instrumentation, RunsMultiBufferPackets) {
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_frags"));
  const Program& program = object.program("xdp_frags");
  const Watched watched(program);
  std::vector<std::byte> packet = Packet(9000);
  packet.back() = std::byte{1};
  const TestRunResult result = TestRun(program, packet);
  EXPECT_EQ(VerdictName(program.type(), result.code), "XDP_PASS");
  EXPECT_EQ(result.out, packet);
  EXPECT_EQ(watched.OnlyAt(XDP_PASS), "");
  EXPECT_EQ(watched.exit(XDP_PASS).Read().length, 9000U);
}

TEST(Instrumentation, SeesAProgramThatTailCallsOthersOnceWithTheLastVerdict) {
  LoadOptions options = Only("xdp_calls");
  options.instrument->programs = {"xdp_calls"};
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  const Watched watched(object.program("xdp_calls"));
  EXPECT_EQ(TestRun(object.program("xdp_calls"), Choice(1)).code, static_cast<std::uint32_t>(XDP_PASS));
  EXPECT_EQ(watched.OnlyAt(XDP_PASS), "");
}

// Calls of functions, callbacks and tail calls, each way around the bypass.
TEST(Instrumentation, ABypassCallsTheSameFunctions) {
  for (const char* program : {"xdp_functions", "xdp_callback", "xdp_timer", "tc_spin_lock", "xdp_redirects",
                              "xdp_calls", "xdp_calls_below", "tc_legacy_load"}) {
    const Comparison comparison =
        Compare(TestObject("test_instrument"), program, Only(program, {kBypass}), ChoicePackets());
    EXPECT_EQ(comparison.refused, "") << program;
    EXPECT_EQ(MethodName(comparison.method), "bypass") << program << ": " << comparison.why;
    EXPECT_THAT(comparison.differences, IsEmpty()) << program;
    EXPECT_EQ(comparison.same, comparison.packets) << program;
    EXPECT_EQ(comparison.watched, comparison.packets) << program;
    EXPECT_GT(comparison.packets, 40U) << program;
  }
}

TEST(Instrumentation, ProgramsWithTailCallsNeedNoCallWhileNothingIsInserted) {
  const Comparison comparison =
      Compare(TestObject("test_tail_calls"), "first", Only("first"), ChoicePackets());
  EXPECT_EQ(comparison.refused, "");
  EXPECT_EQ(MethodName(comparison.method), "bypass") << comparison.why;
  EXPECT_THAT(comparison.differences, IsEmpty());
  EXPECT_EQ(comparison.watched, comparison.packets);
  EXPECT_GT(comparison.packets, 40U);
}

TEST(Instrumentation, PutsInstrumentedProgramsIntoTheObjectsProgramArrays) {
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_calls"));
  const Watched called(object.program("xdp_called"));
  EXPECT_EQ(TestRun(object.program("xdp_calls"), Choice(1)).code, static_cast<std::uint32_t>(XDP_PASS));
  EXPECT_EQ(called.OnlyAt(XDP_PASS), "");
}

TEST(Instrumentation, KnowsItsSlotsByVerdict) {
  LoadOptions options;
  options.programs = {"xdp_every", "tc_every", "socket_every", "cgroup_every"};
  options.instrument.emplace();
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  const auto of = [&](const char* name) -> const Instrumentation& {
    return *object.program(name).instrumentation();
  };
  const Instrumentation& xdp = of("xdp_every");
  EXPECT_EQ(xdp.slots(), 6U);
  EXPECT_EQ(xdp.SlotName(xdp.SlotOf(XDP_TX)), "XDP_TX");
  EXPECT_EQ(xdp.SlotName(xdp.SlotOf(-1)), "other");
  const Instrumentation& tc = of("tc_every");
  EXPECT_EQ(tc.slots(), 11U);
  for (const std::int64_t verdict : {std::int64_t{TC_ACT_UNSPEC}, std::int64_t{0xffffffff}})
    EXPECT_EQ(tc.SlotName(tc.SlotOf(verdict)), "TC_ACT_UNSPEC");
  EXPECT_EQ(tc.SlotName(tc.SlotOf(TC_ACT_TRAP)), "TC_ACT_TRAP");
  EXPECT_EQ(tc.SlotName(tc.SlotOf(TC_ACT_TRAP + 1)), "other");
  const Instrumentation& socket = of("socket_every");
  EXPECT_EQ(socket.SlotName(socket.SlotOf(0)), "SOCKET_DROP");
  EXPECT_EQ(socket.SlotName(socket.SlotOf(262144)), "SOCKET_PASS");
  EXPECT_EQ(of("cgroup_every").slots(), 5U);
}

TEST(Instrumentation, TakesProgramsMadeOfInstructions) {
  RawProgramSpec spec;
  spec.name = "pass";
  spec.type = BPF_PROG_TYPE_XDP;
  spec.expected_attach_type = BPF_XDP;
  const std::vector<bpf_insn> pass = Return(XDP_PASS);
  spec.instructions = pass;
  spec.instrument.emplace();
  const RawProgram raw = RawProgram::Load(spec);
  ASSERT_EQ(raw.program().instrumentation()->method(), kExits) << raw.program().instrumentation()->why();
  const Watched watched(raw.program());
  EXPECT_EQ(TestRun(raw.program(), Packet(60)).code, static_cast<std::uint32_t>(XDP_PASS));
  EXPECT_EQ(watched.OnlyAt(XDP_PASS), "");
}

}  // namespace
}  // namespace knetlab
