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
#include <csignal>
#include <optional>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "harness/filter/assembler.h"
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
  explicit KilledCapture(const Hooked& hooked, const std::string& output) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw ErrnoError("create", "pipe", errno);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) Capture(hooked, output, writer.get());
    writer.reset();
    char started = 0;
    if (::read(reader.get(), &started, 1) != 1) throw ErrnoError("start", "capture", EIO);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  [[noreturn]] static void Capture(const Hooked& hooked, const std::string& output, int started) noexcept {
    CaptureSession session({.output = output});
    const HookMap hook = HookMap::Open(hooked.pin.path());
    for (const CapturePoint& point : hook.Points({})) session.Add(point);
    session.Start();
    [[maybe_unused]] const ssize_t told = ::write(started, "x", 1);
    for (;;) ::pause();
  }

  pid_t pid_ = -1;
};

TEST(KilledCapture, TheNextOneClearsTheHookAndTheProgramsVerdictsHeld) {
  const Hooked hooked;
  const TempDir folder;
  const KilledCapture killed(hooked, folder.Path("killed.pcapng"));
  EXPECT_EQ(InUse(hooked.hook()), 5U);
  EXPECT_EQ(TestRun(hooked.program(), PacketFor(3)).code, XDP_TX);
  EXPECT_EQ(WhyRefused(hooked.pin.path(), {"drop"}), "it was taken");
  EXPECT_EQ(InUse(hooked.hook()), 0U);
  EXPECT_THAT(testing::ReadWithLibpcap(folder.Path("killed.pcapng")), SizeIs(0));
}

TEST(KilledCapture, CleaningClearsTheHook) {
  const Hooked hooked;
  const TempDir folder;
  const KilledCapture killed(hooked, folder.Path("killed.pcapng"));
  EXPECT_GE(ClearDeadCaptures(), 5U);
  EXPECT_EQ(InUse(hooked.hook()), 0U);
}

}  // namespace
}  // namespace knetlab
