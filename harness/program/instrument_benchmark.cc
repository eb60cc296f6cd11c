// SPDX-License-Identifier: Apache-2.0
// What instrumentation costs a packet, plain and instrumented measured in turns, in ns and as their ratio:
//
//   Call    a function of four instructions, called 16 times a run and less the same with nothing around it:
//           TEST_RUN's own loop hides some 6 ns of a small program
//   TestRun whole programs of this repository
//   Wire    live frames over a veth pair to a program that drops them
//
// "idle": nothing is inserted; "watched": a program that does nothing is, in each place; "exits_watched": at
// exit only.
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <vector>

#include "harness/filter/assembler.h"
#include "harness/program/attach.h"
#include "harness/program/instrument.h"
#include "harness/program/instrument_code.h"
#include "harness/program/instrument_types.h"
#include "harness/program/test_run.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

constexpr int kCalls = 16;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

double ThreadCpuNs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double NsPerRun(int program, std::span<const std::byte> packet, int repeat) {
  std::array<std::byte, 4096> output{};
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  options.data_out = output.data();
  options.data_size_out = output.size();
  options.repeat = repeat;
  const double begin = ThreadCpuNs();
  if (bpf_prog_test_run_opts(program, &options) != 0) throw ErrnoError("run", "program", errno);
  return (ThreadCpuNs() - begin) / repeat;
}

void Report(benchmark::State& state, const std::vector<double>& plain, const std::vector<double>& with,
            double per) {
  std::vector<double> more;
  for (std::size_t i = 0; i < plain.size(); ++i) more.push_back((with[i] - plain[i]) / per);
  state.counters["plain_ns"] = Median(plain) / per;
  state.counters["instrumented_ns"] = Median(with) / per;
  state.counters["more_ns"] = Median(more);
  state.counters["ratio"] = Median(with) / Median(plain);
}

std::vector<bpf_insn> Nothing() {
  Assembler a;
  a.Mov(R0, XDP_PASS);
  a.Exit();
  return a.Finish().instructions;
}

// Its verdict comes from the packet's place in memory, so that the compiler of the kernel folds nothing.
std::vector<bpf_insn> Small() {
  Assembler a;
  a.Load(Size::kWord, R0, R1, offsetof(xdp_md, ingress_ifindex));
  a.Alu(AluOp::kAnd, Width::k64, R0, 1);
  a.Add(R0, XDP_DROP);
  a.Exit();
  return a.Finish().instructions;
}

// A program that calls what is in `code` 16 times.
UniqueFd SixteenTimes(const InstrumentedCode& called, const StubKind& stubs) {
  Assembler a;
  const Label function = a.NewLabel();
  a.Mov(R6, R1);
  for (int i = 0; i < kCalls; ++i) {
    a.Mov(R1, R6);
    a.CallFunction(function);
  }
  a.Exit();
  a.Bind(function);
  InstrumentedCode code;
  code.functions.push_back({0, FunctionRole::kMain});
  for (const CodeFunction& one : called.functions) {
    const FunctionRole role = one.role == FunctionRole::kMain ? FunctionRole::kHelperStub : one.role;
    code.functions.push_back({one.start + a.size(), role});
  }
  code.shift = called.shift + a.size();
  a.Append(called.instructions);
  code.instructions = a.Finish().instructions;

  ProgramCode program;
  program.name = "sixteen";
  program.type = BPF_PROG_TYPE_XDP;
  const DescribedCode described = Describe(program, code, stubs);
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.prog_btf_fd = static_cast<std::uint32_t>(described.btf.get());
  options.func_info = described.functions.data();
  options.func_info_cnt = static_cast<std::uint32_t>(described.functions.size());
  options.func_info_rec_size = sizeof(bpf_func_info);
  UniqueFd fd(bpf_prog_load(BPF_PROG_TYPE_XDP, "sixteen", "GPL", code.instructions.data(),
                            code.instructions.size(), &options));
  if (!fd) throw ErrnoError("load", "sixteen", errno);
  return fd;
}

UniqueFd Map(bpf_map_type type, std::uint32_t entries, std::uint32_t value_size = 4) {
  UniqueFd map(bpf_map_create(type, "knl_bench", 4, value_size, entries, nullptr));
  if (!map) throw ErrnoError("create map", "knl_bench", errno);
  return map;
}

void Call(benchmark::State& state, InstrumentMethod method, bool watched) {
  const ExitPlaces places = *ExitPlacesOf(BPF_PROG_TYPE_XDP);
  const UniqueFd flag = Map(BPF_MAP_TYPE_ARRAY, 1, sizeof(InstrumentFlags));
  const UniqueFd entry = Map(BPF_MAP_TYPE_PROG_ARRAY, 1);
  const UniqueFd exits = Map(BPF_MAP_TYPE_PROG_ARRAY, static_cast<std::uint32_t>(places.count()));
  InstrumentPlan plan;
  plan.method = method;
  plan.places = places;
  plan.maps = {.flag = flag.get(), .entry = entry.get(), .exits = exits.get(), .notes = -1};
  const StubKind stubs{.global = method != InstrumentMethod::kStaticStubs, .context = places.context};
  InstrumentedCode bare;
  bare.instructions = Small();
  bare.functions.push_back({0, FunctionRole::kMain});
  const UniqueFd plain = SixteenTimes(bare, stubs);
  const UniqueFd instrumented = SixteenTimes(Instrumented(bare.instructions, plan), stubs);
  const std::vector<bpf_insn> nothing = Nothing();
  const RawProgram inserted = RawProgram::Load({.name = "nothing",
                                                .type = BPF_PROG_TYPE_XDP,
                                                .expected_attach_type = 0,
                                                .has_frags = false,
                                                .instructions = nothing,
                                                .instrument = {}});
  if (watched) {
    const InstrumentFlags on{.exits = 1, .entry = 1};
    const int fd = inserted.fd();
    std::uint32_t slot = 0;
    bpf_map_update_elem(entry.get(), &slot, &fd, BPF_ANY);
    bpf_map_update_elem(flag.get(), &slot, &on, BPF_ANY);
    for (; slot < places.count(); ++slot) bpf_map_update_elem(exits.get(), &slot, &fd, BPF_ANY);
  }
  const std::vector<std::byte> packet(64);
  std::vector<double> plain_ns;
  std::vector<double> with_ns;
  while (state.KeepRunning()) {
    plain_ns.push_back(NsPerRun(plain.get(), packet, 100'000));
    with_ns.push_back(NsPerRun(instrumented.get(), packet, 100'000));
  }
  Report(state, plain_ns, with_ns, kCalls);
}

BpfObject LoadInstrumented(const std::string& object, const std::string& program) {
  LoadOptions options;
  options.programs = {program};
  options.instrument.emplace();
  return BpfObject::Load(std::string(KNETLAB_TEST_OBJECTS) + "/" + object + ".bpf.o", options);
}

enum class Where : std::uint8_t { kNowhere, kExits, kEverywhere };

std::vector<Insertion> Insert(const Instrumentation& instrumentation, const RawProgram& nothing,
                              Where where) {
  std::vector<Insertion> insertions;
  if (where == Where::kNowhere) return insertions;
  if (where == Where::kEverywhere) insertions.push_back(instrumentation.InsertAtEntry(nothing));
  for (std::size_t slot = 0; slot < instrumentation.slots(); ++slot)
    insertions.push_back(instrumentation.InsertAtExit(slot, nothing));
  return insertions;
}

void Run(benchmark::State& state, const char* object, const char* name, Where where) {
  const BpfObject loaded = LoadInstrumented(object, name);
  const Program& program = loaded.program(name);
  const Instrumentation& instrumentation = *program.instrumentation();
  const RawProgram nothing = instrumentation.LoadCapture("nothing", Nothing());
  const std::vector<Insertion> insertions = Insert(instrumentation, nothing, where);
  std::vector<std::byte> packet(60);
  packet[14] = std::byte{1};  // xdp_redirects redirects
  std::vector<double> plain_ns;
  std::vector<double> with_ns;
  while (state.KeepRunning()) {
    plain_ns.push_back(NsPerRun(instrumentation.plain_fd(), packet, 500'000));
    with_ns.push_back(NsPerRun(program.fd(), packet, 500'000));
  }
  Report(state, plain_ns, with_ns, 1);
}

Topology Pair() {
  TopologySpec spec;
  spec.namespaces.resize(2);
  spec.namespaces[0].name = "client";
  spec.namespaces[1].name = "server";
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  spec.links = {link};
  return Topology::Build(spec);
}

void SendFrames(int program, int interface, int frames) {
  std::vector<std::byte> packet(64);
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(packet.size());
  context.ingress_ifindex = static_cast<std::uint32_t>(interface);
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof(context);
  options.repeat = frames;
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  if (bpf_prog_test_run_opts(program, &options) != 0) throw ErrnoError("send", "live frames", errno);
}

std::vector<bpf_insn> SendBack() {  // out of the interface it is said to have come from
  Assembler a;
  a.Mov(R0, XDP_TX);
  a.Exit();
  return a.Finish().instructions;
}

class OneCpu {  // the receiver runs where the sender does
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

// The thread's CPU time has the sender, the veth and the receiver.
double NsPerFrame(const Topology& topology, const Program& sender, const Program& receiver) {
  constexpr int kFrames = 400'000;
  const auto attached = AttacherFor("xdp").attach(
      receiver, {.ns = &topology.ns("server"), .interface = "eth0", .socket_fd = -1, .mode = "native"});
  return topology.ns("client").Run([&] {
    const OneCpu pinned;
    const double begin = ThreadCpuNs();
    SendFrames(sender.fd(), topology.endpoint("client:eth0").ifindex, kFrames);
    return (ThreadCpuNs() - begin) / kFrames;
  });
}

void Wire(benchmark::State& state, Where where) {
  const Topology topology = Pair();
  const std::vector<bpf_insn> send_back = SendBack();
  const RawProgram sender = RawProgram::Load({.name = "send",
                                              .type = BPF_PROG_TYPE_XDP,
                                              .expected_attach_type = BPF_XDP,
                                              .has_frags = false,
                                              .instructions = send_back,
                                              .instrument = {}});
  LoadOptions options;
  const std::string path = std::string(KNETLAB_TEST_OBJECTS) + "/drop_port.bpf.o";
  const BpfObject plain = BpfObject::Load(path, options);
  options.instrument.emplace();
  const BpfObject instrumented = BpfObject::Load(path, options);
  const Instrumentation& instrumentation = *instrumented.programs().front().instrumentation();
  const RawProgram nothing = instrumentation.LoadCapture("nothing", Nothing());
  const std::vector<Insertion> insertions = Insert(instrumentation, nothing, where);
  std::vector<double> plain_ns;
  std::vector<double> with_ns;
  while (state.KeepRunning()) {
    plain_ns.push_back(NsPerFrame(topology, sender.program(), plain.programs().front()));
    with_ns.push_back(NsPerFrame(topology, sender.program(), instrumented.programs().front()));
  }
  Report(state, plain_ns, with_ns, 1);
}

constexpr auto kBypass = InstrumentMethod::kBypass;
constexpr auto kWrapper = InstrumentMethod::kWrapper;
constexpr auto kStatic = InstrumentMethod::kStaticStubs;
constexpr auto kExits = InstrumentMethod::kExits;
BENCHMARK_CAPTURE(Call, bypass_idle, kBypass, false)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, bypass_watched, kBypass, true)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, wrapper_idle, kWrapper, false)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, wrapper_watched, kWrapper, true)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, static_idle, kStatic, false)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, exits_idle, kExits, false)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Call, exits_watched, kExits, true)->Iterations(25)->Unit(benchmark::kMillisecond);

constexpr auto kNowhere = Where::kNowhere;
constexpr auto kAtExits = Where::kExits;
constexpr auto kEverywhere = Where::kEverywhere;
#define RUN(name, object, program, where) \
  BENCHMARK_CAPTURE(Run, name, object, program, where)->Iterations(25)->Unit(benchmark::kMillisecond)
RUN(dns_filter_idle, "dns_filter", "dns_filter", kNowhere);
RUN(dns_filter_exits_watched, "dns_filter", "dns_filter", kAtExits);
RUN(dns_filter_watched, "dns_filter", "dns_filter", kEverywhere);
RUN(tc_drop_idle, "tc_drop", "tc_drop_protocol", kNowhere);
RUN(tail_calls_idle, "test_instrument", "xdp_calls", kNowhere);
RUN(tail_calls_watched, "test_instrument", "xdp_calls", kEverywhere);
RUN(redirect_idle, "test_instrument", "xdp_redirects", kNowhere);
RUN(redirect_watched, "test_instrument", "xdp_redirects", kEverywhere);
BENCHMARK_CAPTURE(Wire, idle, kNowhere)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Wire, exits_watched, kAtExits)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Wire, watched, kEverywhere)->Iterations(25)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace knetlab
