// SPDX-License-Identifier: Apache-2.0
// Classic BPF, the language of socket filters since 1993 and what libpcap compiles pcap-filter expressions
// to: where programs come from, and how they are written down.
//
//   ClassicProgram program = CompileExpression("udp dst port 53");
//   std::string text = FormatClassic(program, ClassicFormat::kXtBpf);     // "10,40 0 0 12,21 0 ..."
//
// Semantics throughout knetlab are those of libpcap's own interpreter (pcap_offline_filter): a load beyond
// the packet, also at an index that wraps, and a division by zero end the program without a match.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

using ClassicProgram = std::vector<sock_filter>;

inline constexpr std::size_t kMaxClassicInstructions = 4096;  // the kernel's BPF_MAXINSNS

// What a packet begins with: its Ethernet header, or, as iptables' matches see it, its IP header.
enum class LinkLayer { kEthernet, kRawIp };

struct ExpressionOptions {
  LinkLayer link = LinkLayer::kEthernet;
  bool optimise = true;  // libpcap's own optimiser
  std::uint32_t netmask =
      0xffffffffU;                 // of the interface; this one, PCAP_NETMASK_UNKNOWN, refuses "ip broadcast"
  std::uint32_t snaplen = 262144;  // what the program returns on a match
};

// Thread-safe (libpcap's compiler is not before 1.8; a lock is held). Throws Error with
// libpcap's message, and under `detail` the expression with a caret where the place can be found (caret.h).
ClassicProgram CompileExpression(const std::string& expression, const ExpressionOptions& options = {});

// Text in the form of `tcpdump -ddd` (a count, then "code jt jf k" a line) or of xt_bpf ("n,code jt jf
// k,..."), also with a separator behind the last instruction. The program is checked as ValidateClassic()
// does. Throws Error with the place in the text, "NAME:line:column".
ClassicProgram ParseClassic(std::string_view text, std::string_view name = "classic BPF");

// Known opcodes, jumps that stay inside, a return at every end, memory words 0 to 15, no constant division by
// zero or shift of 32 and more. Backward jumps (JA with a negative k) are allowed: libpcap makes them for
// "protochain". Throws Error that names the instruction.
void ValidateClassic(const ClassicProgram& program);

enum class ClassicFormat {
  kXtBpf,     // "4,48 0 0 5,21 0 1 18,6 0 0 262144,6 0 0 0"
  kDecimal,   // tcpdump -ddd
  kReadable,  // tcpdump -d: "(000) ldb      [5]"
};
std::string FormatClassic(const ClassicProgram& program, ClassicFormat format);

// What the kernel's own classic filters (SO_ATTACH_FILTER, xt_bpf) refuse although libpcap runs it: jumps
// that go back, scratch words that are read but not written before. Throws Error that names the instruction.
void RequireKernelTakes(const ClassicProgram& program);

}  // namespace knetlab
