// SPDX-License-Identifier: Apache-2.0
// What libbpf hands to the kernel for each program it loads: relocated instructions and what describes them.
// libbpf keeps the descriptions to itself, and shows them only to a program handler right before the load.
//
//   CodeHarvest harvest;
//   bpf_object__load(object);
//   const ProgramCode* code = harvest.Find("xdp_filter");
//
// A harvest collects what its own thread loads. The handlers behind it are registered when the process starts
// and never taken away, since libbpf's table of handlers is not made for threads, opened objects keep
// pointers into it, and libbpf 1.1 frees it twice when its last handler goes and another comes.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

struct ProgramCode {
  std::string name;
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  std::uint32_t expected_attach_type = 0;
  std::uint32_t flags = 0;  // BPF_F_XDP_HAS_FRAGS ...
  std::vector<bpf_insn> instructions;
  // Without BTF all three are empty.
  UniqueFd btf;
  std::vector<bpf_func_info> functions;
  std::vector<bpf_line_info> lines;
  std::vector<UniqueFd> module_btfs;  // of kernel functions in modules, by their index in the instructions

  // For bpf_prog_load().
  std::vector<int> ModuleBtfFds() const;
};

class CodeHarvest {
 public:
  CodeHarvest();
  ~CodeHarvest();
  CodeHarvest(const CodeHarvest&) = delete;
  CodeHarvest& operator=(const CodeHarvest&) = delete;

  const ProgramCode* Find(const std::string& program) const;  // null: not loaded, or a handler of others
  void Add(ProgramCode code);

 private:
  std::map<std::string, ProgramCode> programs_;
  CodeHarvest* outer_;
};

}  // namespace knetlab
