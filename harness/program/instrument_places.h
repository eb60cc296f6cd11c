// SPDX-License-Identifier: Apache-2.0
// Which places at exit the programs of a type have: the place of a verdict in the program array, as the exit
// stub computes it in the kernel and as user space does. Internal to instrumentation.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace knetlab {

struct ExitPlaces {
  std::uint32_t bias = 0;  // slot = verdict + bias, as 32 bits
  std::uint32_t last = 0;  // slots above go here
  bool last_is_other = true;
  const char* context = "";  // the struct that programs of the type are given

  std::size_t count() const { return last + 1; }
  std::size_t SlotOf(std::int64_t verdict) const;
};

// Nothing: programs of this type cannot be instrumented.
std::optional<ExitPlaces> ExitPlacesOf(bpf_prog_type type);

std::string ExitPlaceName(bpf_prog_type type, const ExitPlaces& places, std::size_t slot);

}  // namespace knetlab
