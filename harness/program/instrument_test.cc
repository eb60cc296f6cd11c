// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <thread>

#include "harness/filter/assembler.h"
#include "harness/program/test_instrument_support.h"
#include "harness/program/test_run.h"
#include "harness/program/test_support.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

LoadOptions Only(const std::string& program, std::vector<InstrumentMethod> methods = {}) {
  LoadOptions options;
  options.programs = {program};
  options.instrument.emplace();
  if (!methods.empty()) options.instrument->methods = std::move(methods);
  return options;
}

std::vector<std::byte> Choice(unsigned choice) {
  return ChoicePackets()[choice];
}

std::vector<bpf_insn> Return(std::int32_t code) {
  Assembler a;
  a.Mov(R0, code);
  a.Exit();
  return a.Finish().instructions;
}

struct Hard {
  const char* program;
  InstrumentMethod method;
};

class HardPrograms : public testing::TestWithParam<Hard> {};

TEST_P(HardPrograms, DecideAsBeforeAndAreSeenAtTheirVerdicts) {
  const Comparison comparison =
      Compare(TestObject("test_instrument"), GetParam().program, Only(GetParam().program), ChoicePackets());
  ASSERT_EQ(comparison.refused, "");
  EXPECT_EQ(MethodName(comparison.method), MethodName(GetParam().method)) << comparison.why;
  EXPECT_THAT(comparison.differences, IsEmpty());
  EXPECT_GT(comparison.packets, 40U);
  EXPECT_EQ(comparison.unsteady, 0U);
}

constexpr auto kWrapper = InstrumentMethod::kWrapper;
INSTANTIATE_TEST_SUITE_P(All, HardPrograms,
                         testing::Values(Hard{"xdp_every", kWrapper}, Hard{"tc_every", kWrapper},
                                         Hard{"act_every", kWrapper}, Hard{"socket_every", kWrapper},
                                         Hard{"cgroup_every", kWrapper}, Hard{"xdp_frags", kWrapper},
                                         Hard{"xdp_resize", kWrapper}, Hard{"xdp_functions", kWrapper},
                                         Hard{"xdp_callback", kWrapper}, Hard{"tc_spin_lock", kWrapper},
                                         Hard{"xdp_timer", kWrapper}, Hard{"xdp_calls", kWrapper},
                                         Hard{"xdp_calls_below", kWrapper}, Hard{"tc_legacy_load", kWrapper},
                                         Hard{"xdp_stack_448", kWrapper}, Hard{"xdp_stack_480", kWrapper},
                                         Hard{"xdp_redirects", kWrapper}),
                         [](const auto& hard) { return std::string(hard.param.program); });

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
                         testing::Values(kWrapper, InstrumentMethod::kStaticStubs, InstrumentMethod::kExits),
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

TEST(Instrumentation, FallsBackWhereTheWrapperHasNoRoom) {
  const Comparison comparison =
      Compare(TestObject("test_instrument"), "xdp_frames", Only("xdp_frames"), ChoicePackets());
  EXPECT_EQ(MethodName(comparison.method), "exits") << comparison.why;
  EXPECT_THAT(comparison.why, HasSubstr("wrapper: "));
  EXPECT_THAT(comparison.why, HasSubstr("static stubs: "));
  EXPECT_THAT(comparison.differences, IsEmpty());
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
  EXPECT_EQ(object.program("tc_every").instrumentation()->method(), kWrapper);
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
    EXPECT_EQ(program.instrumentation()->method(), kWrapper)
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
  ASSERT_EQ(raw.program().instrumentation()->method(), kWrapper) << raw.program().instrumentation()->why();
  const Watched watched(raw.program());
  EXPECT_EQ(TestRun(raw.program(), Packet(60)).code, static_cast<std::uint32_t>(XDP_PASS));
  EXPECT_EQ(watched.OnlyAt(XDP_PASS), "");
}

TEST(Insertion, IsRefusedWhereAnotherOneIs) {
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_every"));
  const Program& program = object.program("xdp_every");
  const Watcher first(program, 0);
  const Watcher second(program, 0);
  {
    const Insertion insertion = program.instrumentation()->InsertAtExit(XDP_DROP, first.program());
    const ErrorParts error = ErrorOf(
        [&] { const Insertion never = program.instrumentation()->InsertAtExit(XDP_DROP, second.program()); });
    EXPECT_EQ(error.where, "xdp_every at exit XDP_DROP");
    EXPECT_EQ(error.why, "program " + std::to_string(first.program().program().id()) + " is already there");
    EXPECT_EQ(error.code, EBUSY);
  }
  const Insertion insertion = program.instrumentation()->InsertAtExit(XDP_DROP, second.program());
  TestRun(program, Choice(XDP_DROP));
  EXPECT_EQ(first.hits(), 0U);
  EXPECT_EQ(second.hits(), 1U);
}

TEST(Insertion, IsRefusedForAProgramOfAnotherKind) {
  LoadOptions options;
  options.programs = {"xdp_every", "tc_every"};
  options.instrument.emplace();
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  const Watcher tc(object.program("tc_every"), 0);
  const ErrorParts error = ErrorOf([&] {
    const Insertion never = object.program("xdp_every").instrumentation()->InsertAtEntry(tc.program());
  });
  EXPECT_EQ(error.where, "xdp_every at entry");
  EXPECT_THAT(error.hint, HasSubstr("type"));
}

// While one thread sends packets through the program, watchers come and go: no verdict changes, and a watcher
// that has ended counts nothing more.
TEST(Insertion, ComesAndGoesWhilePacketsFlow) {
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_every"));
  const Program& program = object.program("xdp_every");
  const Instrumentation& instrumentation = *program.instrumentation();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<std::uint64_t> rounds = 0;
  std::thread traffic([&] {
    for (unsigned choice = 0; !stop; choice = (choice + 1) % 8) {
      if (TestRun(program, Choice(choice)).code != choice) ++wrong;
      ++rounds;
    }
  });
  const Watcher entry(program, XDP_TX);
  const Watcher exit(program, XDP_TX);
  for (int i = 0; i < 30; ++i) {
    Insertion at_entry = instrumentation.InsertAtEntry(entry.program());
    Insertion at_exit =
        instrumentation.InsertAtExit(static_cast<std::size_t>(i) % instrumentation.slots(), exit.program());
    const std::uint64_t begin = rounds;
    while (rounds < begin + 100) std::this_thread::yield();  // each verdict several times
    at_exit.End();
    at_entry.End();
    const std::uint64_t entered = entry.hits();
    const std::uint64_t left = exit.hits();
    const std::uint64_t end = rounds;
    while (rounds < end + 100) std::this_thread::yield();
    EXPECT_EQ(entry.hits(), entered);
    EXPECT_EQ(exit.hits(), left);
    EXPECT_GT(left, 0U);
    EXPECT_GT(entered, left);
    entry.Forget();
    exit.Forget();
  }
  stop = true;
  traffic.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Insertion, MayOutliveTheObject) {
  Insertion insertion;
  {
    const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("xdp_every"));
    const Program& program = object.program("xdp_every");
    insertion = program.instrumentation()->InsertAtEntry(Watcher(program, 0).program());
  }
  insertion.End();
}

// The note of the CPU that has one.
RedirectNote NoteOf(const Instrumentation& instrumentation) {
  bpf_map_info info{};
  std::uint32_t size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(instrumentation.redirect_notes_fd(), &info, &size), 0);
  std::vector<RedirectNote> notes(info.value_size / sizeof(RedirectNote));
  const std::uint32_t first = 0;
  EXPECT_EQ(bpf_map_lookup_elem(instrumentation.redirect_notes_fd(), &first, notes.data()), 0);
  RedirectNote found{};
  for (const RedirectNote& note : notes) {
    if (note.helper != 0) found = note;
  }
  return found;
}

std::uint32_t IdOf(const BpfMap& map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(map.fd(), &info, &size), 0);
  return info.id;
}

class OneCpu {  // notes are per CPU, and each packet clears that of its own
 public:
  OneCpu() {
    ::sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    ::sched_setaffinity(0, sizeof(one), &one);
  }
  ~OneCpu() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;

 private:
  cpu_set_t before_{};
};

TEST(RedirectNotes, TellWhereEachPacketGoes) {
  const OneCpu pinned;
  LoadOptions options = Only("xdp_redirects");
  const std::uint32_t loopback = 1;
  options.map_contents["devices"] = {{Bytes(std::uint32_t{3}), Bytes(loopback)}};
  options.map_contents["more_devices"] = {{Bytes(std::uint32_t{4}), Bytes(loopback)}};
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  const Program& program = object.program("xdp_redirects");
  const Instrumentation& instrumentation = *program.instrumentation();
  ASSERT_TRUE(instrumentation.notes_redirects()) << instrumentation.why();
  EXPECT_EQ(TestRun(program, Choice(1)).code, static_cast<std::uint32_t>(XDP_REDIRECT));
  EXPECT_EQ(NoteOf(instrumentation).helper, 0U) << "nothing is inserted";

  const Watched watched(program);
  struct Expected {
    unsigned choice;
    std::uint32_t helper;
    std::uint64_t target;
    std::uint32_t map;
  };
  for (const Expected& expected :
       {Expected{1, BPF_FUNC_redirect, 7, 0},
        Expected{2, BPF_FUNC_redirect_map, 3, IdOf(object.map("devices"))},
        Expected{3, BPF_FUNC_redirect_map, 4, IdOf(object.map("more_devices"))}, Expected{4, 0, 0, 0}}) {
    EXPECT_EQ(TestRun(program, Choice(expected.choice)).code, static_cast<std::uint32_t>(XDP_REDIRECT));
    const RedirectNote note = NoteOf(instrumentation);
    EXPECT_EQ(note.helper, expected.helper) << expected.choice;
    if (expected.helper == 0) continue;
    EXPECT_EQ(note.target, expected.target) << expected.choice;
    EXPECT_EQ(note.map_id, expected.map) << expected.choice;
  }
}

TEST(RedirectNotes, WorkInTcAndCanBeLeftOut) {
  const OneCpu pinned;
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), Only("tc_redirects"));
  const Program& program = object.program("tc_redirects");
  const Watched watched(program);
  EXPECT_EQ(TestRun(program, Choice(2)).code, static_cast<std::uint32_t>(TC_ACT_REDIRECT));
  EXPECT_EQ(NoteOf(*program.instrumentation()).helper, static_cast<std::uint32_t>(BPF_FUNC_redirect_neigh));
  EXPECT_EQ(NoteOf(*program.instrumentation()).target, 9U);

  LoadOptions options = Only("tc_redirects");
  options.instrument->note_redirects = false;
  const BpfObject without = BpfObject::Load(TestObject("test_instrument"), options);
  EXPECT_FALSE(without.program("tc_redirects").instrumentation()->notes_redirects());
  EXPECT_EQ(without.program("tc_redirects").instrumentation()->redirect_notes_fd(), -1);
}

}  // namespace
}  // namespace knetlab
