// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/kernel_symbols.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

std::string ReadAll(const char* path) {
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) throw ErrnoError("read kernel symbols", path, errno);
  std::string text;
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ErrnoError("read kernel symbols", path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::vector<std::string> ReadDropReasons() {
  constexpr std::string_view kPrefix = "SKB_DROP_REASON_";
  std::vector<std::string> reasons;
  std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), btf__free);
  if (!types) return reasons;
  int id = btf__find_by_name_kind(types.get(), "skb_drop_reason", BTF_KIND_ENUM);
  if (id < 0) return reasons;  // before Linux 5.17
  const btf_type* type = btf__type_by_id(types.get(), static_cast<__u32>(id));
  for (int i = 0; i < btf_vlen(type); i++) {
    const auto& value = btf_enum(type)[i];
    std::string_view name = btf__name_by_offset(types.get(), value.name_off);
    if (value.val < 0 || value.val > 4096) continue;  // masks and subsystem numbers
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    auto at = static_cast<std::size_t>(value.val);
    if (reasons.size() <= at) reasons.resize(at + 1);
    if (name != "NOT_SPECIFIED" && name != "MAX") reasons[at] = name;
  }
  return reasons;
}

std::string_view WithoutSuffix(std::string_view name) {
  return name.substr(0, name.find('.'));
}

}  // namespace

KernelSymbols::KernelSymbols() : reasons_(ReadDropReasons()) {
  const std::string text = ReadAll("/proc/kallsyms");
  names_.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    std::uint64_t address = 0;
    auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), address, 16);
    auto used = static_cast<std::size_t>(rest - line.data());
    if (error != std::errc() || line.size() < used + 4) continue;
    char kind = line[used + 1];
    if (kind != 't' && kind != 'T') continue;
    std::string_view name = line.substr(used + 3);
    name = name.substr(0, name.find('\t'));  // "name\t[module]"
    symbols_.push_back({address, static_cast<std::uint32_t>(names_.size())});
    names_.append(name).push_back('\0');
  }
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  if (symbols_.empty() || symbols_.back().address == 0) {
    throw Error({.what = "read kernel symbols",
                 .where = "/proc/kallsyms",
                 .why = "the kernel hides its addresses",
                 .hint = "run as root, with kernel.kptr_restrict below 2",
                 .detail = "",
                 .code = EPERM});
  }
}

std::string KernelSymbols::NameAt(std::uint64_t address) const {
  auto after = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                                [](std::uint64_t a, const Symbol& symbol) { return a < symbol.address; });
  if (after == symbols_.begin()) return "";
  return std::string(WithoutSuffix(names_.data() + std::prev(after)->name));
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> KernelSymbols::RangesOf(
    std::string_view function) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (auto symbol = symbols_.begin(); symbol != symbols_.end(); ++symbol) {
    if (WithoutSuffix(names_.data() + symbol->name) != function) continue;
    auto next = std::find_if(symbol, symbols_.end(),
                             [&](const Symbol& other) { return other.address > symbol->address; });
    if (next != symbols_.end()) ranges.emplace_back(symbol->address, next->address);
  }
  return ranges;
}

std::string KernelSymbols::DropReason(std::uint32_t reason) const {
  return reason < reasons_.size() ? reasons_[reason] : "";
}

std::uint32_t KernelSymbols::DropReasonNumber(std::string_view name) const {
  auto found = std::find(reasons_.begin(), reasons_.end(), name);
  return found == reasons_.end() ? 0 : static_cast<std::uint32_t>(found - reasons_.begin());
}

}  // namespace knetlab
