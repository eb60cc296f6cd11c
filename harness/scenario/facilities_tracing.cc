// SPDX-License-Identifier: Apache-2.0
// Probes of what the ledger sees packets by: typed tracepoints, drop reasons, kernel symbols; and of
// trampolines, which it does without.
#include <bpf/bpf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <string>

#include "harness/scenario/probes.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kFreeSkb =
    "btf_trace_kfree_skb";  // the typedef that stands for tracepoint skb:kfree_skb

std::uint32_t TypeId(ProbeBench& bench, const char* name, std::uint32_t kind) {
  const int id = btf__find_by_name_kind(&bench.kernel_types(), name, kind);
  if (id < 0) FailProbe("look up kernel type", fmt::format("the kernel has no {}", name), ENOENT);
  return static_cast<std::uint32_t>(id);
}

UniqueFd AttachTracing(int program_fd) {
  return UniqueFd(RequireCall(bpf_raw_tracepoint_open(nullptr, program_fd), "bpf(BPF_RAW_TRACEPOINT_OPEN)"));
}

}  // namespace

std::string ProbeTpBtf(ProbeBench& bench) {
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_TRACING,
                                          .attach_type = BPF_TRACE_RAW_TP,
                                          .btf_id = TypeId(bench, kFreeSkb, BTF_KIND_TYPEDEF)},
                                         0);
  AttachTracing(program.get());
  return "attached to tracepoint skb:kfree_skb";
}

std::string ProbeTrampolines(ProbeBench& bench) {
  constexpr const char* kFunction = "bpf_fentry_test1";  // there for tests: nothing else calls it
  const UniqueFd program = LoadReturning({.type = BPF_PROG_TYPE_TRACING,
                                          .attach_type = BPF_TRACE_FENTRY,
                                          .btf_id = TypeId(bench, kFunction, BTF_KIND_FUNC)},
                                         0);
  AttachTracing(program.get());
  return fmt::format("fentry attached to {}", kFunction);
}

std::string ProbeDropReasons(ProbeBench& bench) {
  const btf& types = bench.kernel_types();
  const std::uint32_t reasons = TypeId(bench, "skb_drop_reason", BTF_KIND_ENUM);
  // The verifier refuses to read an argument that the tracepoint does not have.
  const std::array<bpf_insn, 3> instructions = {
      {{.code = BPF_LDX | BPF_MEM | BPF_DW,
        .dst_reg = BPF_REG_0,
        .src_reg = BPF_REG_1,
        .off = 2 * sizeof(std::uint64_t),
        .imm = 0},
       {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
       {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
  LoadProgram({.type = BPF_PROG_TYPE_TRACING,
               .attach_type = BPF_TRACE_RAW_TP,
               .btf_id = TypeId(bench, kFreeSkb, BTF_KIND_TYPEDEF)},
              instructions);
  return fmt::format("kfree_skb tells which of {} reasons", btf_vlen(btf__type_by_id(&types, reasons)));
}

std::string ProbeKallsyms(ProbeBench&) {
  constexpr const char* kPath = "/proc/kallsyms";
  std::ifstream file(kPath);
  if (!file) throw ErrnoError("open", kPath, errno);
  // Symbols of CPU variables, which come first, may be at 0; hidden addresses are all 0.
  std::string line;
  while (std::getline(file, line)) {
    if (line.size() > 16 && line.find_first_not_of('0') < 16) return "addresses can be read";
  }
  FailProbe(fmt::format("read {}", kPath), "all addresses are hidden", EPERM);
}

}  // namespace knetlab
