// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_harvest.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

namespace knetlab {
namespace {

thread_local CodeHarvest* innermost = nullptr;

// Newer than the headers of Debian 12's kernel.
constexpr int kPseudoKernelFunction = 2;  // BPF_PSEUDO_KFUNC_CALL

// Sections of programs that have packets. Those that this libbpf does not know are foreign to it, and the
// fallback handler has them.
constexpr std::array kSections = {
    "xdp",        "xdp/devmap",  "xdp/cpumap", "xdp.frags",          "xdp.frags/devmap",  "xdp.frags/cpumap",
    "tc",         "tc/ingress",  "tc/egress",  "tcx/ingress",        "tcx/egress",        "netkit/primary",
    "classifier", "netkit/peer", "action",     "cgroup_skb/ingress", "cgroup_skb/egress", "cgroup/skb",
    "socket",
};

UniqueFd Duplicate(int fd) {
  return UniqueFd(fd > 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1);
}

// Records grow from kernel to kernel; their beginning stays.
template <typename Record>
std::vector<Record> Records(const void* first, std::uint32_t count, std::uint32_t size) {
  if (first == nullptr || size < sizeof(Record)) return {};
  std::vector<Record> records(count);
  const auto* from = static_cast<const std::byte*>(first);
  for (Record& record : records) {
    std::memcpy(&record, from, sizeof(record));
    from += size;
  }
  return records;
}

std::vector<UniqueFd> ModuleBtfs(const std::vector<bpf_insn>& instructions, const int* fds) {
  std::vector<UniqueFd> modules;
  if (fds == nullptr) return modules;
  for (const bpf_insn& insn : instructions) {
    if (insn.code != (BPF_JMP | BPF_CALL) || insn.src_reg != kPseudoKernelFunction || insn.off <= 0) continue;
    const auto index = static_cast<std::size_t>(insn.off);
    if (modules.size() <= index) modules.resize(index + 1);
    if (!modules[index]) modules[index] = Duplicate(fds[index]);
  }
  return modules;
}

ProgramCode CodeOf(const bpf_program* program, const bpf_prog_load_opts& options) {
  ProgramCode code;
  code.name = bpf_program__name(program);
  code.type = bpf_program__type(program);
  code.expected_attach_type = static_cast<std::uint32_t>(options.expected_attach_type);
  code.flags = options.prog_flags;
  const bpf_insn* first = bpf_program__insns(program);
  code.instructions.assign(first, first + bpf_program__insn_cnt(program));
  code.module_btfs = ModuleBtfs(code.instructions, options.fd_array);
  code.functions =
      Records<bpf_func_info>(options.func_info, options.func_info_cnt, options.func_info_rec_size);
  if (!code.functions.empty()) code.btf = Duplicate(static_cast<int>(options.prog_btf_fd));
  if (!code.btf) {
    code.functions.clear();
    return code;
  }
  code.lines = Records<bpf_line_info>(options.line_info, options.line_info_cnt, options.line_info_rec_size);
  return code;
}

// A handler of ours replaces libbpf's own, which would have set the flag; the rest of what that does is for
// programs without packets. `frags` is the handler's cookie.
int BeforeLoad(bpf_program* program, bpf_prog_load_opts* options, long frags) noexcept {
  if (frags != 0 && bpf_program__type(program) == BPF_PROG_TYPE_XDP) {
    options->prog_flags |= BPF_F_XDP_HAS_FRAGS;
  }
  if (innermost == nullptr) return 0;
  try {
    innermost->Add(CodeOf(program, *options));
  } catch (...) {  // C above
    return -ENOMEM;
  }
  return 0;
}

int Silent(libbpf_print_level, const char*, va_list) {
  return 0;
}

bool RegisterHandlers() noexcept {
  const libbpf_print_fn_t printer = libbpf_set_print(Silent);
  bool all = true;
  libbpf_prog_handler_opts options{};
  options.sz = sizeof(options);
  options.prog_prepare_load_fn = BeforeLoad;
  for (const char* section : kSections) {
    bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
    bpf_attach_type attach_type{};
    if (libbpf_prog_type_by_name(section, &type, &attach_type) != 0) continue;
    options.cookie = std::string_view(section).starts_with("xdp.frags") ? 1 : 0;
    all = libbpf_register_prog_handler(section, type, attach_type, &options) > 0 && all;
  }
  options.cookie = 0;
  all = libbpf_register_prog_handler(nullptr, BPF_PROG_TYPE_UNSPEC, bpf_attach_type{}, &options) >= 0 && all;
  libbpf_set_print(printer);
  return all;
}

// Before main(): afterwards another thread may be opening an object, and look at the table.
[[maybe_unused]] const bool kRegistered = RegisterHandlers();

}  // namespace

std::vector<int> ProgramCode::ModuleBtfFds() const {
  std::vector<int> fds;
  fds.reserve(module_btfs.size());
  for (const UniqueFd& fd : module_btfs) fds.push_back(fd.get());
  return fds;
}

CodeHarvest::CodeHarvest() : outer_(innermost) {
  innermost = this;
}

CodeHarvest::~CodeHarvest() {
  innermost = outer_;
}

const ProgramCode* CodeHarvest::Find(const std::string& program) const {
  const auto found = programs_.find(program);
  return found == programs_.end() ? nullptr : &found->second;
}

void CodeHarvest::Add(ProgramCode code) {
  std::string name = code.name;
  programs_.insert_or_assign(std::move(name), std::move(code));
}

}  // namespace knetlab
