// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_kernel.h"

#include <span>
#include <string_view>

#include "harness/program/btf_handle.h"
#include "harness/program/libbpf_log.h"

namespace knetlab {
namespace {

BtfHandle KernelTypes() {
  const LibbpfLog quiet;
  return BtfHandle(btf__load_vmlinux_btf());
}

std::optional<std::int16_t> FindOffsetOfMapId() {
  const BtfHandle types = KernelTypes();
  const int id = types == nullptr ? -1 : btf__find_by_name_kind(types.get(), "bpf_map", BTF_KIND_STRUCT);
  if (id <= 0) return std::nullopt;
  const btf_type* map = btf__type_by_id(types.get(), static_cast<std::uint32_t>(id));
  for (const btf_member& member : std::span(btf_members(map), btf_vlen(map))) {
    const char* name = btf__name_by_offset(types.get(), member.name_off);
    if (name != nullptr && std::string_view(name) == "id" && member.offset % 8 == 0)
      return static_cast<std::int16_t>(member.offset / 8);
  }
  return std::nullopt;
}

std::optional<std::int32_t> FindIdOfThrow() {
  const BtfHandle types = KernelTypes();
  const int id = types == nullptr ? -1 : btf__find_by_name_kind(types.get(), "bpf_throw", BTF_KIND_FUNC);
  return id > 0 ? std::optional(id) : std::nullopt;
}

}  // namespace

std::optional<std::int16_t> OffsetOfMapId() {
  static const std::optional<std::int16_t> offset = FindOffsetOfMapId();
  return offset;
}

std::optional<std::int32_t> IdOfThrow() {
  static const std::optional<std::int32_t> id = FindIdOfThrow();
  return id;
}

}  // namespace knetlab
