// SPDX-License-Identifier: Apache-2.0
// What is inserted into an instrumented program while packets flow, and what it can learn of redirects.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "harness/program/instrument.h"
#include "harness/program/test_instrument_support.h"
#include "harness/program/test_run.h"
#include "harness/program/test_support.h"
#include "harness/program/verdict.h"

namespace knetlab {
namespace {

using testing::HasSubstr;

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
  std::atomic<int> wrong = 0;
  std::atomic<std::uint64_t> rounds = 0;
  std::jthread traffic([&](const std::stop_token& stop) {
    for (unsigned choice = 0; !stop.stop_requested(); choice = (choice + 1) % 8) {
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
  traffic.request_stop();
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

// Real frames, which the client's interface sends through an entry of a map that has a program.
class MapPrograms : public testing::TestWithParam<const char*> {};

TEST_P(MapPrograms, AreSeenOnRealFrames) {
  constexpr std::uint32_t kFrames = 256;
  const bool device = std::string_view(GetParam()) == "device";
  const std::string watched_program = device ? "xdp_devmap" : "xdp_cpumap";
  const std::string sender = device ? "xdp_to_device" : "xdp_to_cpu";
  const Topology topology = TwoNamespaces();
  topology.EnableNapi(topology.endpoint("server:eth0"));  // without it the device takes no frames
  LoadOptions options;
  options.programs = {watched_program, sender};
  options.instrument = {.programs = {watched_program}};
  const BpfObject object = BpfObject::Load(TestObject("test_instrument"), options);
  const Program& program = object.program(watched_program);
  ASSERT_NE(program.instrumentation()->method(), InstrumentMethod::kNone) << program.instrumentation()->why();
  const std::uint32_t interface =
      static_cast<std::uint32_t>(topology.endpoint("client:eth0").ifindex);  // a queue's size in a cpumap
  const std::uint64_t entry =
      (std::uint64_t{static_cast<std::uint32_t>(program.fd())} << 32) | (device ? interface : 512U);
  const Watched watched(program);
  const std::vector<std::byte> packet = Choice(1);
  topology.ns("client").Run([&] {
    object.map(device ? "devices_with_programs" : "cpus").Update({Bytes(std::uint32_t{0}), Bytes(entry)});
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.data_in = packet.data();
    run.data_size_in = static_cast<std::uint32_t>(packet.size());
    run.repeat = kFrames;
    run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    xdp_md context{};
    context.data_end = run.data_size_in;
    context.ingress_ifindex = interface;
    run.ctx_in = &context;
    run.ctx_size_in = sizeof(context);
    EXPECT_EQ(bpf_prog_test_run_opts(object.program(sender).fd(), &run), 0) << errno;
    return 0;
  });
  // A cpumap hands the frames to a kernel thread.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (watched.exit(XDP_DROP).hits() < kFrames && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(watched.entry().hits(), kFrames);
  EXPECT_EQ(watched.exit(XDP_DROP).hits(), kFrames);
  EXPECT_EQ(watched.exit(XDP_DROP).Read().packet, packet);
}

INSTANTIATE_TEST_SUITE_P(All, MapPrograms, testing::Values("device", "cpu"),
                         [](const auto& kind) { return std::string(kind.param); });

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
