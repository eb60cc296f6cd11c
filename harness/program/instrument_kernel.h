// SPDX-License-Identifier: Apache-2.0
// What the running kernel's BTF tells about itself (/sys/kernel/btf/vmlinux). Internal to instrumentation.
// Each question is asked once a process and takes some 50 ms. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>

namespace knetlab {

// Where struct bpf_map has the map's id, which programs may read since Linux 5.9.
std::optional<std::int16_t> OffsetOfMapId();

// How calls name bpf_throw, which ends a program from within (Linux 6.7).
std::optional<std::int32_t> IdOfThrow();

}  // namespace knetlab
