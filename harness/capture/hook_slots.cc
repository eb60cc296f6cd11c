// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/hook_slots.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "harness/capture/capture_point.h"
#include "harness/capture/hook_map.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {

std::optional<SlotProgram> ProgramIn(int slots, std::uint32_t slot) {
  SlotProgram program;
  if (bpf_map_lookup_elem(slots, &slot, &program.id) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw ErrnoError("read slot", std::to_string(slot), errno);
  }
  const UniqueFd fd(bpf_prog_get_fd_by_id(program.id));
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (fd && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0) program.name = info.name;
  return program;
}

std::size_t ClearCapturePrograms(int slots, std::uint32_t size) {
  std::size_t cleared = 0;
  for (std::uint32_t slot = 0; slot < size; ++slot) {
    const auto program = ProgramIn(slots, slot);
    if (program && program->name == kCaptureProgramName && bpf_map_delete_elem(slots, &slot) == 0) ++cleared;
  }
  return cleared;
}

std::size_t ClearDeadCaptures() {
  std::size_t cleared = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kCaptureLocks, ignored)) {
    const std::string name = entry.path().filename();
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    try {
      const HookLock lock(id, name);  // and the file goes with it
      const UniqueFd map(bpf_map_get_fd_by_id(id));
      bpf_map_info info{};
      std::uint32_t size = sizeof info;
      if (map && bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 && info.type == BPF_MAP_TYPE_PROG_ARRAY)
        cleared += ClearCapturePrograms(map.get(), info.max_entries);
    } catch (const Error& alive) {
      if (alive.parts().code != EBUSY) throw;
    }
  }
  return cleared;
}

}  // namespace knetlab
