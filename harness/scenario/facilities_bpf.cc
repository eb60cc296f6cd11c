// SPDX-License-Identifier: Apache-2.0
// Probes that need the bpf system call alone.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "harness/program/libbpf_log.h"
#include "harness/scenario/probes.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kVerdict = 2;  // XDP_PASS, TC_ACT_SHOT, a length: valid for every type that is tried

bpf_prog_info InfoOf(int program_fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  RequireCall(bpf_obj_get_info_by_fd(program_fd, &info, &size), "bpf(BPF_OBJ_GET_INFO_BY_FD)");
  return info;
}

std::string TestRunOf(bpf_prog_type type, std::uint32_t attach_type) {
  const UniqueFd program = LoadReturning({.type = type, .attach_type = attach_type}, kVerdict);
  if (const std::uint32_t verdict = RunOnce(program.get()); verdict != kVerdict) {
    FailProbe("bpf(BPF_PROG_TEST_RUN)",
              fmt::format("the program returns {}, {} came back", kVerdict, verdict));
  }
  return "a packet went through a program";
}

}  // namespace

std::string ProbeBpfSyscall(ProbeBench&) {
  LoadReturning({.type = BPF_PROG_TYPE_SOCKET_FILTER}, 0);
  return "a program was loaded";
}

std::string ProbeBtf(ProbeBench& bench) {
  return fmt::format("{} types of the kernel", btf__type_cnt(&bench.kernel_types()));
}

std::string ProbeJit(ProbeBench&) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_SOCKET_FILTER}, 0);
  const bpf_prog_info info = InfoOf(program.get());
  if (info.jited_prog_len == 0) FailProbe("compile program", "the kernel interprets it");
  return fmt::format("2 instructions became {} bytes of machine code", info.jited_prog_len);
}

std::string ProbeBpfStats(ProbeBench&) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_XDP}, kVerdict);
  const UniqueFd stats(RequireCall(bpf_enable_stats(BPF_STATS_RUN_TIME), "bpf(BPF_ENABLE_STATS)"));
  RunOnce(program.get());
  if (InfoOf(program.get()).run_cnt == 0) FailProbe("count runs", "a program ran and was not counted");
  return "a program's runs were counted and timed";
}

std::string ProbeTestRunXdp(ProbeBench&) {
  return TestRunOf(BPF_PROG_TYPE_XDP, BPF_XDP);
}
std::string ProbeTestRunTc(ProbeBench&) {
  return TestRunOf(BPF_PROG_TYPE_SCHED_CLS, 0);
}
std::string ProbeTestRunSocket(ProbeBench&) {
  return TestRunOf(BPF_PROG_TYPE_SOCKET_FILTER, 0);
}

std::string ProbeLiveFrames(ProbeBench&) {
  const UniqueFd program =
      LoadReturning({.type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP}, 1 /* XDP_DROP */);
  std::array<std::byte, 64> packet{};
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = packet.data();
  options.data_size_in = packet.size();
  options.repeat = 1;
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  int result = 0;
  do {
    result = bpf_prog_test_run_opts(program.get(), &options);
  } while (result < 0 && errno == EINTR);
  RequireCall(result, "bpf(BPF_PROG_TEST_RUN, BPF_F_TEST_XDP_LIVE_FRAMES)");
  return "a frame was made and dropped";
}

std::string ProbeRingBuffer(ProbeBench&) {
  constexpr std::uint32_t kSize = 1U << 16;  // a multiple of every page size
  constexpr int kMessage = 42;
  const UniqueFd map(RequireCall(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "knetlab_probe", 0, 0, kSize, nullptr),
                                 "bpf(BPF_MAP_CREATE)"));
  const auto insn = [](int code, int dst, int src, int off, int imm) {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(dst) & 0xfU;
    made.src_reg = static_cast<std::uint8_t>(src) & 0xfU;
    made.off = static_cast<std::int16_t>(off);
    made.imm = imm;
    return made;
  };
  const std::array<bpf_insn, 9> instructions = {
      insn(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, kMessage),
      insn(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map.get()),
      insn(0, 0, 0, 0, 0),
      insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
      insn(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -8),
      insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 8),
      insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 0),
      insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output),
      insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  const UniqueFd program = LoadProgram({.type = BPF_PROG_TYPE_SOCKET_FILTER}, instructions);

  std::uint64_t received = 0;
  const auto take = [](void* context, void* data, std::size_t size) {
    if (size == sizeof(std::uint64_t))
      *static_cast<std::uint64_t*>(context) = *static_cast<std::uint64_t*>(data);
    return 0;
  };
  const std::unique_ptr<ring_buffer, decltype(&ring_buffer__free)> ring(
      ring_buffer__new(map.get(), take, &received, nullptr), &ring_buffer__free);
  if (!ring) throw ErrnoError("map", "ring buffer", errno);
  RunOnce(program.get());
  ring_buffer__consume(ring.get());
  if (received != kMessage) FailProbe("read ring buffer", "what a program wrote did not arrive");
  return "a message came from a program";
}

std::string ProbeMemlock(ProbeBench&) {
  rlimit limit{};
  RequireCall(getrlimit(RLIMIT_MEMLOCK, &limit), "getrlimit");
  constexpr rlim_t kSize = rlim_t{32} << 20;
  const UniqueFd map(RequireCall(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "knetlab_probe", sizeof(std::uint32_t), 4096, kSize / 4096, nullptr),
      "bpf(BPF_MAP_CREATE, 32 MiB)"));
  if (limit.rlim_cur == RLIM_INFINITY) return "a map of 32 MiB was made; ulimit -l is unlimited";
  return fmt::format("a map of 32 MiB was made; ulimit -l is {} KiB", limit.rlim_cur >> 10);
}

}  // namespace knetlab
