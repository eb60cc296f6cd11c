// SPDX-License-Identifier: Apache-2.0
// A filter in all its forms: what `knetlab filter --emit` writes, and how large each is.
//
//   Filter filter = FilterOf("udp dst port 53", FilterHook::kXdp);
//   std::string object = EmitFilter(filter, {.hook = FilterHook::kXdp, .form = FilterForm::kObject});
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/filter/classic.h"
#include "harness/filter/compile.h"

namespace knetlab {

// Where a filter is to run. A socket takes classic BPF and eBPF, iptables classic BPF alone; its packets
// begin with their IP header.
enum class FilterHook { kXdp, kTc, kSocket, kXtBpf };
enum class FilterForm { kClassic, kEbpf, kC, kObject, kXtBpf };

// "xdp", "tc", "socket", "xtbpf"; "cbpf", "ebpf", "c", "object", "xtbpf". Throws Error, with the nearest.
FilterHook FilterHookByName(std::string_view name);
FilterForm FilterFormByName(std::string_view name);

struct Filter {
  std::string expression;  // empty: the program was given
  ClassicProgram program;
};

// Throws Error as CompileExpression() does.
Filter FilterOf(const std::string& expression, FilterHook hook, bool optimise = true);

struct FilterOutput {
  FilterHook hook = FilterHook::kXdp;
  FilterForm form = FilterForm::kClassic;
  // Names of verdicts: "drop", "XDP_DROP", "TC_ACT_SHOT" (verdict.h); of a socket "drop" and "pass" alone.
  // Empty: drop on a match, else pass; of a socket the other way round.
  std::string match = {}, otherwise = {};
  bool fragments = false;  // XDP: packets of several buffers, too (Linux 5.18)
};

// Throws Error: the hook does not take the form, the filter reads what the hook has not, unknown verdicts;
// for classic BPF of sockets and iptables also what the kernel's own interpreter refuses.
Code CompileFor(const Filter& filter, const FilterOutput& output);
std::string EmitFilter(const Filter& filter, const FilterOutput& output);

// How many instructions a whole program has.
struct FilterStats {
  std::string expression;
  std::size_t classic = 0;
  std::optional<std::size_t> xdp, tc;  // none: `error` tells why
  std::string error;
};
FilterStats StatsOf(const std::string& expression, bool optimise = true);
FilterStats StatsOf(const Filter& filter);

// One expression a line; lines that begin with # and empty ones are none. Throws Error.
std::vector<std::string> ReadExpressions(const std::string& path);
// `--cbpf`: text of tcpdump -ddd or of xt_bpf. Throws Error.
ClassicProgram ReadClassicFile(const std::string& path);

}  // namespace knetlab
