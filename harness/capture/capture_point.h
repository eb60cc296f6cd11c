// SPDX-License-Identifier: Apache-2.0
// Where packets of one verdict are captured: what a program must be like to go there, and how it gets there.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/program/raw_program.h"

namespace knetlab {

// All programs of a program array agree in these (KERNEL: bpf_prog_map_compatible).
struct ProgramKind {
  bpf_prog_type type = BPF_PROG_TYPE_XDP;
  std::uint32_t attach_type = 0;
  bool frags = false;
};

// Keeps a program in its place; taken out when it goes.
class Placement {
 public:
  virtual ~Placement() = default;
};

struct CapturePoint {
  std::string hook{};                  // as a person names it: a pinned path, "server:eth0 xdp filter"
  std::string verdict{};               // "XDP_DROP"
  std::optional<std::int64_t> code{};  // the verdict's; none: a point that knows no single one
  std::int32_t result = 0;             // what the capture program returns
  ProgramKind kind{};
  // Puts a program in. Throws Error. What it needs must live until the placement is gone.
  std::function<std::unique_ptr<Placement>(const RawProgram&)> put{};
};

// The name of every capture program in the kernel, by which one that a killed process left is known.
inline constexpr std::string_view kCaptureProgramName = "knetlab_capture";

}  // namespace knetlab
