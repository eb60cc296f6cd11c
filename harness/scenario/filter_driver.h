// SPDX-License-Identifier: Apache-2.0
// Runs up to 16 filter programs on a packet in one system call (bpf/harness/filter_check.bpf.c): a test run
// costs some 3 us, a filter some 10 ns.
//
//   FilterDriver driver;
//   driver.Set(FilterTarget::kXdp, 0, code);
//   driver.Run(FilterTarget::kXdp, packet)[0] == Ran::kMatch
//
// Needs root. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "harness/filter/compile.h"
#include "harness/program/raw_program.h"

namespace knetlab {

class FilterDriver {
 public:
  static constexpr std::size_t kSlots = 16;
  static constexpr std::size_t kMostBytes = 16000;  // of a packet in TC; less for XDP without fragments
  // Programs that Set() takes return these.
  static constexpr std::int32_t kMatchCode = 1, kOtherwiseCode = 2;

  enum class Ran { kNot, kMatch, kOtherwise };
  using Verdicts = std::array<Ran, kSlots>;

  // Throws Error where the driver cannot be loaded. `fragments`: kXdpFrags is wanted, too (Linux 5.18).
  explicit FilterDriver(bool fragments);
  ~FilterDriver();

  // Loads a program into a slot. Throws Error: refused by the verifier, with its log.
  void Set(FilterTarget target, std::size_t slot, const Code& code);
  void Clear();  // all slots

  // At least 14 bytes. All are kNot where the kernel refuses to run the packet, or a program returned
  // something else.
  Verdicts Run(FilterTarget target, std::span<const std::byte> packet);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
