// SPDX-License-Identifier: Apache-2.0
// What the probes of the facilities share: a two-namespace topology and the kernel's types, made when first
// asked for, and the smallest programs there are. Everything ends with the bench.
#pragma once

#include <bpf/btf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netns/fd.h"
#include "netns/topology.h"

namespace knetlab {

class ProbeBench {
 public:
  // client:eth0 10.0.0.1/24 - server:eth0 10.0.0.2/24. Throws Error.
  const Topology& wire();
  const btf& kernel_types();  // throws Error

 private:
  struct FreeBtf {
    void operator()(btf* types) const { btf__free(types); }
  };
  std::optional<Topology> wire_;
  std::unique_ptr<btf, FreeBtf> kernel_types_;
};

// That topology with another MTU.
TopologySpec WireSpec(int mtu = 1500);

[[noreturn]] void FailProbe(std::string what, std::string why, int code = 0);
// The result of a system call or of libbpf's functions that set errno: throws Error where it is negative.
int RequireCall(int result, const char* what);

struct TinyProgram {
  std::uint32_t type =
      BPF_PROG_TYPE_UNSPEC;  // a number, since the headers may not know all that the kernel does
  std::uint32_t attach_type = 0;
  std::uint32_t flags = 0;
  std::uint32_t btf_id = 0;  // of the kernel function or tracepoint, for tracing programs
};

std::vector<bpf_insn> ReturnInstructions(int value);                                       // r0 = value; exit
UniqueFd LoadProgram(const TinyProgram& program, std::span<const bpf_insn> instructions);  // throws Error
UniqueFd LoadReturning(const TinyProgram& program, int value);                             // throws Error

// Runs it once with a 64-byte packet and returns its verdict. Throws Error.
std::uint32_t RunOnce(int program_fd);

// bpf_link_create() with no options. Throws Error.
UniqueFd RequireLink(int program_fd, int target_fd, std::uint32_t attach_type, std::uint32_t flags,
                     const char* what);

}  // namespace knetlab
