// SPDX-License-Identifier: Apache-2.0
// What lies in the slots of a program array, and taking capture programs out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace knetlab {

// A file for each hook of others that is being captured, named after the map's id.
inline constexpr const char* kCaptureLocks = "/run/knetlab/captures";

struct SlotProgram {
  std::uint32_t id = 0;
  std::string name;
};

// Empty slot: none. Throws Error.
std::optional<SlotProgram> ProgramIn(int slots, std::uint32_t slot);

// Empties the slots that hold a capture program. Returns how many.
std::size_t ClearCapturePrograms(int slots, std::uint32_t size);

}  // namespace knetlab
