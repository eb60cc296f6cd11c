// SPDX-License-Identifier: Apache-2.0
// Hooks of others: which are taken, which refused, and what a killed capture leaves.
#include "harness/capture/hook_map.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/instrumented.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/filter/assembler.h"
#include "harness/program/instrument.h"
#include "harness/program/raw_program.h"
#include "harness/program/test_run.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;
using testing::Hooked;
using testing::PacketFor;
using testing::Pin;
using ::testing::SizeIs;
using testing::TempDir;

UniqueFd MakeMap(bpf_map_type type, std::uint32_t entries) {
  return UniqueFd(bpf_map_create(type, "test", 4, 4, entries, nullptr));
}

// An owner of the hook of any kind: jumps to the slot of XDP_PASS, else passes.
RawProgram LoadOwner(int hook, bpf_prog_type type, std::uint32_t attach_type, bool frags,
                     std::uint32_t slot = 2) {
  Assembler a;
  a.MapAddress(R2, "hook");
  a.Mov(R3, static_cast<std::int32_t>(slot));
  a.Call(BPF_FUNC_tail_call);
  a.Mov(R0, XDP_PASS);
  a.Exit();
  Code code = a.Finish();
  code.BindMap("hook", hook);
  return RawProgram::Load({.name = "owner",
                           .type = type,
                           .expected_attach_type = attach_type,
                           .has_frags = frags,
                           .instructions = code.instructions});
}

std::string WhyRefused(const std::string& path, const std::vector<std::string>& verdicts = {}) {
  try {
    const HookMap hook = HookMap::Open(path);
    hook.Points(verdicts);
  } catch (const Error& error) {
    return error.what();
  }
  return "it was taken";
}

std::size_t InUse(int hook) {
  std::size_t used = 0;
  for (std::uint32_t slot = 0; slot < 5; ++slot) {
    std::uint32_t id = 0;
    used += bpf_map_lookup_elem(hook, &slot, &id) == 0 ? 1 : 0;
  }
  return used;
}

TEST(HookMap, TakesWhateverKindOfProgramOwnsIt) {
  for (const std::uint32_t attach : {0U, static_cast<std::uint32_t>(BPF_XDP)}) {
    for (const bool frags : {false, true}) {
      const UniqueFd map = MakeMap(BPF_MAP_TYPE_PROG_ARRAY, 5);
      const RawProgram owner = LoadOwner(map.get(), BPF_PROG_TYPE_XDP, attach, frags);
      const Pin pin(map.get());
      const TempDir folder;
      CaptureSession session({.output = folder.Path("out.pcapng")});
      const HookMap hook = HookMap::Open(pin.path());
      for (const CapturePoint& point : hook.Points({"pass"})) session.Add(point);
      session.Start();
      EXPECT_EQ(TestRun(owner.program(), PacketFor(0)).code, XDP_PASS);
      EXPECT_EQ(session.Stop().points.at(0).written, 1U) << attach << (frags ? " frags" : "");
    }
  }
}

TEST(HookMap, OfFourSlotsIsXdpcapsOwn) {
  const UniqueFd map = MakeMap(BPF_MAP_TYPE_PROG_ARRAY, 4);
  const RawProgram owner = LoadOwner(map.get(), BPF_PROG_TYPE_XDP, 0, false);
  const Pin pin(map.get());
  {
    const HookMap hook = HookMap::Open(pin.path());
    EXPECT_THAT(hook.Points({}), SizeIs(4));
  }
  EXPECT_THAT(WhyRefused(pin.path(), {"redirect"}), HasSubstr("it has no slot for XDP_REDIRECT"));
}

TEST(HookMap, WhatIsNoHookIsRefusedWithTheReason) {
  EXPECT_THAT(WhyRefused("/sys/fs/bpf/nonexistent"), HasSubstr("No such file"));
  EXPECT_THAT(WhyRefused("/etc/passwd"), HasSubstr("not pinned in a BPF file system"));
  const UniqueFd hash = MakeMap(BPF_MAP_TYPE_HASH, 5);
  EXPECT_THAT(WhyRefused(Pin(hash.get()).path()), HasSubstr("a hook is a program array"));
  const UniqueFd large = MakeMap(BPF_MAP_TYPE_PROG_ARRAY, 64);
  EXPECT_THAT(WhyRefused(Pin(large.get()).path()), HasSubstr("it has 64 slots"));
  const UniqueFd small = MakeMap(BPF_MAP_TYPE_PROG_ARRAY, 3);
  EXPECT_THAT(WhyRefused(Pin(small.get()).path()), HasSubstr("it has 3 slots"));
  const UniqueFd unused = MakeMap(BPF_MAP_TYPE_PROG_ARRAY, 5);
  EXPECT_THAT(WhyRefused(Pin(unused.get()).path()), HasSubstr("no program uses it yet"));
  const RawProgram owner = LoadOwner(unused.get(), BPF_PROG_TYPE_SCHED_CLS, 0, false);
  EXPECT_THAT(WhyRefused(Pin(unused.get()).path()), HasSubstr("sched_cls"));
  EXPECT_THAT(WhyRefused(Pin(owner.fd()).path()), HasSubstr("not a map"));
}

TEST(HookMap, AnUnknownVerdictIsAnsweredWithTheNearest) {
  const Hooked hooked;
  EXPECT_THAT(WhyRefused(hooked.pin.path(), {"pas"}), HasSubstr("did you mean pass?"));
}

TEST(HookMap, ASecondCaptureIsRefusedAndTheFirstGoesOn) {
  const Hooked hooked;
  const TempDir folder;
  CaptureSession session({.output = folder.Path("out.pcapng")});
  {
    const HookMap hook = HookMap::Open(hooked.pin.path());
    for (const CapturePoint& point : hook.Points({})) session.Add(point);
    session.Start();
    EXPECT_THAT(WhyRefused(hooked.pin.path()),
                HasSubstr(fmt::format("process {} captures there", ::getpid())));
    TestRun(hooked.program(), PacketFor(1));
    EXPECT_EQ(session.Stop().points.at(1).written, 1U);
  }
  EXPECT_EQ(WhyRefused(hooked.pin.path()), "it was taken");
}

TEST(HookMap, AProgramOfOthersInASlotStaysThere) {
  const Hooked hooked;
  const RawProgram other = [&] {
    Assembler a;
    a.Mov(R0, XDP_PASS);
    a.Exit();
    const Code code = a.Finish();
    return RawProgram::Load({.name = "xdpcap_filter",
                             .type = BPF_PROG_TYPE_XDP,
                             .expected_attach_type = BPF_XDP,
                             .instructions = code.instructions});
  }();
  const std::uint32_t slot = XDP_PASS;
  const int fd = other.fd();
  ASSERT_EQ(bpf_map_update_elem(hooked.hook(), &slot, &fd, BPF_ANY), 0);
  EXPECT_THAT(WhyRefused(hooked.pin.path()), HasSubstr("xdpcap_filter"));
  EXPECT_EQ(WhyRefused(hooked.pin.path(), {"drop"}), "it was taken");
  EXPECT_EQ(InUse(hooked.hook()), 1U);
}

// A process that captures until it is killed.
class KilledCapture {
 public:
  // `begin`: in the process, with a capture into a file that must not be there when it returns; gives ids of
  // programs.
  explicit KilledCapture(const std::function<std::vector<std::uint32_t>(CaptureSession&)>& begin,
                         const std::string& output) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw ErrnoError("create", "pipe", errno);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) Capture(begin, output, writer.get());
    writer.reset();
    std::uint32_t count = 0;
    if (::read(reader.get(), &count, sizeof count) != sizeof count) throw ErrnoError("start", "capture", EIO);
    ids_.resize(count);
    const auto bytes = static_cast<ssize_t>(count * sizeof ids_[0]);
    if (bytes > 0 && ::read(reader.get(), ids_.data(), static_cast<std::size_t>(bytes)) != bytes)
      throw ErrnoError("start", "capture", EIO);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  const std::vector<std::uint32_t>& ids() const { return ids_; }

 private:
  [[noreturn]] static void Capture(const std::function<std::vector<std::uint32_t>(CaptureSession&)>& begin,
                                   const std::string& output, int started) noexcept {
    CaptureSession session({.output = output});
    const std::vector<std::uint32_t> ids = begin(session);
    const auto count = static_cast<std::uint32_t>(ids.size());
    [[maybe_unused]] ssize_t told = ::write(started, &count, sizeof count);
    told = ::write(started, ids.data(), ids.size() * sizeof ids[0]);
    for (;;) ::pause();
  }

  pid_t pid_ = -1;
  std::vector<std::uint32_t> ids_;
};

std::function<std::vector<std::uint32_t>(CaptureSession&)> AtHook(const Hooked& hooked) {
  return [&hooked](CaptureSession& session) {
    static std::optional<HookMap> hook;  // of the process, which never gets to end it
    hook.emplace(HookMap::Open(hooked.pin.path()));
    for (const CapturePoint& point : hook->Points({})) session.Add(point);
    session.Start();
    return std::vector<std::uint32_t>{};
  };
}

TEST(KilledCapture, TheNextOneClearsTheHookAndWorksAndTheProgramsVerdictsHeld) {
  const Hooked hooked;
  const TempDir folder;
  const KilledCapture killed(AtHook(hooked), folder.Path("killed.pcapng"));
  EXPECT_EQ(InUse(hooked.hook()), 5U);
  EXPECT_EQ(TestRun(hooked.program(), PacketFor(3)).code, XDP_TX);
  {
    CaptureSession session({.output = folder.Path("next.pcapng")});
    const HookMap hook = HookMap::Open(hooked.pin.path());
    EXPECT_EQ(InUse(hooked.hook()), 0U);
    for (const CapturePoint& point : hook.Points({})) session.Add(point);
    session.Start();
    EXPECT_EQ(TestRun(hooked.program(), PacketFor(3)).code, XDP_TX);
    EXPECT_EQ(session.Stop().points.at(XDP_TX).written, 1U);
  }
  EXPECT_EQ(InUse(hooked.hook()), 0U);
  EXPECT_THAT(testing::ReadWithLibpcap(folder.Path("killed.pcapng")), SizeIs(0));
  EXPECT_THAT(testing::ReadWithLibpcap(folder.Path("next.pcapng")), SizeIs(1));
}

TEST(KilledCapture, CleaningClearsTheHook) {
  const Hooked hooked;
  const TempDir folder;
  const KilledCapture killed(AtHook(hooked), folder.Path("killed.pcapng"));
  EXPECT_GE(ClearDeadCaptures(), 5U);
  EXPECT_EQ(InUse(hooked.hook()), 0U);
}

// Of a hook of ours everything ends with the process: the program, its arrays and what was put into them.
TEST(KilledCapture, OfAProgramOfTheLabLeavesNothing) {
  const TempDir folder;
  const auto begin = [](CaptureSession& session) {
    static std::optional<BpfObject> object;  // of the process, which never gets to end it
    object.emplace(BpfObject::Load(KNETLAB_OBJECTS "/parity.bpf.o", {.instrument = InstrumentOptions{}}));
    const Program& program = object->program("xdp_parity");
    for (const CapturePoint& point : InstrumentedPoints("ours", program, {.entry = true})) session.Add(point);
    session.Start();
    std::vector<std::uint32_t> ids = {program.id()};
    const Instrumentation& instrumentation = *program.instrumentation();
    for (std::uint32_t slot = 0; slot < instrumentation.slots(); ++slot) {
      std::uint32_t id = 0;
      if (bpf_map_lookup_elem(instrumentation.exits_fd(), &slot, &id) == 0) ids.push_back(id);
    }
    return ids;
  };
  const KilledCapture killed(begin, folder.Path("killed.pcapng"));
  EXPECT_THAT(killed.ids(), SizeIs(7)) << "the program, and one for each verdict";
  // The kernel takes a moment: arrays let go of their programs in the background.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (const std::uint32_t id : killed.ids()) {
    const auto is_there = [id] { return UniqueFd(bpf_prog_get_fd_by_id(id)).get() >= 0; };
    while (is_there() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_FALSE(is_there()) << "program " << id;
  }
}

}  // namespace
}  // namespace knetlab
