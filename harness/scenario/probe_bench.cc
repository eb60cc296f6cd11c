// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/probe_bench.h"

#include <bpf/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

}  // namespace

TopologySpec WireSpec(int mtu) {
  TopologySpec spec;
  spec.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = {}}};
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[0].interface = "eth0";
  link.ends[0].addresses = {IpPrefix::Parse("10.0.0.1/24")};
  link.ends[1].ns = "server";
  link.ends[1].interface = "eth0";
  link.ends[1].addresses = {IpPrefix::Parse("10.0.0.2/24")};
  link.mtu = mtu;
  spec.links = {link};
  return spec;
}

const Topology& ProbeBench::wire() {
  if (!wire_) wire_ = Topology::Build(WireSpec());
  return *wire_;
}

const btf& ProbeBench::kernel_types() {
  if (!kernel_types_) {
    kernel_types_.reset(btf__parse(kKernelTypes, nullptr));
    if (!kernel_types_) throw ErrnoError("read kernel types", kKernelTypes, errno);
  }
  return *kernel_types_;
}

void FailProbe(std::string what, std::string why, int code) {
  throw Error(
      {.what = std::move(what), .where = "", .why = std::move(why), .hint = "", .detail = "", .code = code});
}

int RequireCall(int result, const char* what) {
  if (result < 0) {
    const int code = errno;
    FailProbe(what, std::generic_category().message(code), code);
  }
  return result;
}

std::vector<bpf_insn> ReturnInstructions(int value) {
  return {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = value},
          {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
}

// The system call itself: libbpf takes an enumerator, which a newer type is not.
UniqueFd LoadProgram(const TinyProgram& program, std::span<const bpf_insn> instructions) {
  constexpr std::string_view kName = "knetlab_probe";
  bpf_attr attributes{};
  attributes.prog_type = program.type;
  attributes.insns = reinterpret_cast<std::uint64_t>(instructions.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(instructions.size());
  attributes.license = reinterpret_cast<std::uint64_t>("GPL");
  attributes.prog_flags = program.flags;
  attributes.expected_attach_type = program.attach_type;
  attributes.attach_btf_id = program.btf_id;
  kName.copy(attributes.prog_name, sizeof attributes.prog_name - 1);
  long fd = 0;
  do {
    fd = ::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  } while (fd < 0 && errno == EAGAIN);  // a signal interrupted the verifier
  return UniqueFd(RequireCall(static_cast<int>(fd), "bpf(BPF_PROG_LOAD)"));
}

UniqueFd LoadReturning(const TinyProgram& program, int value) {
  return LoadProgram(program, ReturnInstructions(value));
}

std::uint32_t RunOnce(int program_fd) {
  std::array<std::byte, 64> packet{};
  std::array<std::byte, 1024> output{};
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = packet.data();
  options.data_size_in = packet.size();
  options.data_out = output.data();
  options.data_size_out = output.size();
  options.repeat = 1;
  int result = 0;
  do {
    result = bpf_prog_test_run_opts(program_fd, &options);
  } while (result < 0 && errno == EINTR);
  RequireCall(result, "bpf(BPF_PROG_TEST_RUN)");
  return options.retval;
}

UniqueFd RequireLink(int program_fd, int target_fd, std::uint32_t attach_type, std::uint32_t flags,
                     const char* what) {
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = flags;
  return UniqueFd(RequireCall(
      bpf_link_create(program_fd, target_fd, static_cast<bpf_attach_type>(attach_type), &options), what));
}

}  // namespace knetlab
