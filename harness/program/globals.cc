// SPDX-License-Identifier: Apache-2.0
#include "harness/program/globals.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "harness/program/object_file.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

struct Variable {
  std::string section;
  std::size_t offset = 0;
  std::size_t size = 0;
};

bool IsDataSection(std::string_view name) {
  return name.starts_with(".rodata") || name.starts_with(".data") || name.starts_with(".bss");
}

std::string_view NameOf(const btf* types, std::uint32_t offset) {
  const char* name = btf__name_by_offset(types, offset);
  return name == nullptr ? std::string_view() : name;
}

std::map<std::string, Variable> VariablesOf(const btf* types) {
  std::map<std::string, Variable> variables;
  const std::uint32_t count = types == nullptr ? 0 : btf__type_cnt(types);
  for (std::uint32_t id = 1; id < count; ++id) {
    const btf_type* section = btf__type_by_id(types, id);
    if (section == nullptr || !btf_is_datasec(section)) continue;
    const std::string_view section_name = NameOf(types, section->name_off);
    if (!IsDataSection(section_name)) continue;
    for (const btf_var_secinfo& info : std::span(btf_var_secinfos(section), btf_vlen(section))) {
      const btf_type* variable = btf__type_by_id(types, info.type);
      if (variable == nullptr || !btf_is_var(variable)) continue;
      variables.emplace(
          NameOf(types, variable->name_off),
          Variable{.section = std::string(section_name), .offset = info.offset, .size = info.size});
    }
  }
  return variables;
}

// libbpf calls the map of .rodata OBJECT.rodata, with the object's name cut short, and that of .rodata.mine
// by its own name.
std::span<std::byte> InitialContent(bpf_object* object, const std::string& section) {
  for (bpf_map* map : MapsOf(object)) {
    const std::string_view name = bpf_map__name(map);
    if (!bpf_map__is_internal(map) || !name.ends_with(section)) continue;
    std::size_t size = 0;
    // libbpf hands out const memory that it means to be written to before loading, as skeletons do.
    const void* content = bpf_map__initial_value(map, &size);
    if (content != nullptr) return {static_cast<std::byte*>(const_cast<void*>(content)), size};
  }
  return {};
}

Error Refusal(const std::string& object, const std::string& variable, std::string why, std::string hint) {
  return Error({.what = "set global variable",
                .where = fmt::format("{}:{}", object, variable),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

}  // namespace

void SetGlobals(bpf_object* object, const std::map<std::string, GlobalContent>& globals,
                const std::string& where) {
  if (globals.empty()) return;
  const std::map<std::string, Variable> variables = VariablesOf(bpf_object__btf(object));
  std::vector<std::string> names;
  names.reserve(variables.size());
  for (const auto& [name, variable] : variables) names.push_back(name);
  for (const auto& [name, content_of] : globals) {
    const auto found = variables.find(name);
    if (found == variables.end()) {
      throw names.empty()
          ? Refusal(where, name, "the object has no BTF of global variables", "compile it with -g")
          : Refusal(where, name, "no such variable", NearestHint(name, names));
    }
    const Variable& variable = found->second;
    const std::span<std::byte> content = InitialContent(object, variable.section);
    if (variable.offset > content.size() || variable.size > content.size() - variable.offset) {
      throw Refusal(where, name, fmt::format("section {} is not loaded with the object", variable.section),
                    "");
    }
    const std::vector<std::byte> bytes = content_of(variable.size);
    if (bytes.size() != variable.size) {
      throw Refusal(where, name, fmt::format("{} bytes given, it has {}", bytes.size(), variable.size), "");
    }
    std::copy(bytes.begin(), bytes.end(), content.subspan(variable.offset, variable.size).begin());
  }
}

}  // namespace knetlab
