// SPDX-License-Identifier: Apache-2.0
// Names of kernel functions by address and the other way round (/proc/kallsyms), and the kernel's names for
// drop reasons (enum skb_drop_reason in its BTF).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace knetlab {

class KernelSymbols {
 public:
  KernelSymbols();  // throws Error where /proc/kallsyms hides its addresses

  // The function an address lies in, without compiler suffixes (".isra.0"); empty where it lies in none.
  std::string NameAt(std::uint64_t address) const;
  // [first, end) of each part of a function: the body, ".cold", ".isra.0" ...; empty where there is none of
  // that name.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> RangesOf(std::string_view function) const;

  // "TC_INGRESS", without SKB_DROP_REASON_; empty for "not specified" and unknown numbers.
  std::string DropReason(std::uint32_t reason) const;
  std::uint32_t DropReasonNumber(std::string_view name) const;  // 0 where the kernel has none such

 private:
  struct Symbol {
    std::uint64_t address;
    std::uint32_t name;  // offset in names_
  };
  std::vector<Symbol> symbols_;  // sorted by address
  std::string names_;            // zero-terminated
  std::vector<std::string> reasons_;
};

}  // namespace knetlab
