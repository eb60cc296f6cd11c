// SPDX-License-Identifier: Apache-2.0
// An interpreter of eBPF that is stricter than a CPU: what the filter compiler makes is run in user space,
// millions of programs of them, and each access outside of the packet, the stack or the context's fields is a
// failure, so is the use of a register or stack byte that nothing was written to, and arithmetic on pointers
// that the verifier refuses. It knows all that Assembler emits but maps.
//
// What it does not prove is that the verifier takes a program: that is for the kernel.
//
// Thread-safe; spans are borrowed.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace knetlab::filter_testing {

enum class EbpfContext : std::uint8_t { kXdp, kSkb };  // xdp_md, __sk_buff

struct EbpfInput {
  EbpfContext context = EbpfContext::kXdp;
  std::span<const std::uint8_t> packet{};  // all of it
  // Bytes between data and data_end; the rest is reached through helpers only. All where there is no value.
  std::optional<std::size_t> linear{};
  // data and data_end can be loaded: socket filters cannot.
  bool direct_access = true;
  // Where stores to the packet go, as many bytes as the packet; they are failures where it is empty.
  std::span<std::uint8_t> writable{};
  std::map<std::uint32_t, std::uint32_t>
      fields{};              // of the context by their offset, besides data, data_end, len
  std::uint32_t cpu = 0;     // bpf_get_smp_processor_id
  std::uint32_t random = 4;  // bpf_get_prandom_u32
  // bpf_skb_load_bytes refuses offsets beyond this; 0xffff before Linux 5.19.
  std::uint32_t max_skb_offset = 0x7fffffff;
};

struct EbpfRun {
  std::uint32_t result = 0;  // what the kernel takes of R0
  std::string failure;       // "instruction 12: ..."; empty: none
  std::size_t steps = 0;     // instructions executed

  bool ok() const { return failure.empty(); }
};

inline constexpr std::size_t kEbpfSteps = 4'000'000;

EbpfRun RunEbpf(std::span<const bpf_insn> program, const EbpfInput& input,
                std::size_t max_steps = kEbpfSteps);

}  // namespace knetlab::filter_testing
