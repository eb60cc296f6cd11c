// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/object_btf.h"

#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "netns/error.h"

namespace knetlab {
namespace {

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

// libbpf's functions give a new type's id, or a negative errno.
int Id(int result) {
  if (result < 0) throw ErrnoError("write BTF", "object", -result);
  return result;
}

// Layout: include/uapi/linux/btf.h has .BTF; of .BTF.ext this is what libbpf and LLVM agree on.
struct ExtHeader {
  std::uint16_t magic = 0xeb9f;
  std::uint8_t version = 1, flags = 0;
  std::uint32_t header_length = sizeof(ExtHeader);
  std::uint32_t functions_offset = 0, functions_length = 0;
  std::uint32_t lines_offset = 0, lines_length = 0;
};

struct FunctionInfo {
  std::uint32_t record_size = 2 * sizeof(std::uint32_t);
  std::uint32_t section_name = 0, count = 1;
  std::uint32_t instruction_offset = 0, type = 0;
};

// One line for the whole program: libbpf warns of programs that have none.
struct LineInfo {
  std::uint32_t record_size = 4 * sizeof(std::uint32_t);
  std::uint32_t section_name = 0, count = 1;
  std::uint32_t instruction_offset = 0, file_name = 0, line = 0;
  std::uint32_t line_and_column = 1U << 10 | 1;
};

template <typename T>
std::string Bytes(const T& value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// struct { int (*type)[N]; ... }: numbers are array sizes, as libbpf's __uint() writes them.
class Maps {
 public:
  explicit Maps(btf* types, int integer) : types_(types), integer_(integer) {}

  void Add(const ObjectMap& map) {
    const std::pair<const char*, std::uint32_t> fields[] = {
        {"type", map.type},
        {"key_size", map.key_size},
        {"value_size", map.value_size},
        {"max_entries", map.max_entries},
    };
    int pointers[std::size(fields)];
    for (std::size_t i = 0; i < std::size(fields); ++i)
      pointers[i] =
          Id(btf__add_ptr(types_, Id(btf__add_array(types_, integer_, integer_, fields[i].second))));
    const int definition = Id(btf__add_struct(types_, nullptr, kMapDefinitionSize));
    for (std::size_t i = 0; i < std::size(fields); ++i) {
      Id(btf__add_field(types_, fields[i].first, pointers[i],
                        static_cast<std::uint32_t>(i * sizeof(void*) * 8), 0));
    }
    variables_.push_back(Id(btf__add_var(types_, map.name.c_str(), BTF_VAR_GLOBAL_ALLOCATED, definition)));
  }

  void Finish() {
    if (variables_.empty()) return;
    Id(btf__add_datasec(types_, ".maps", static_cast<std::uint32_t>(variables_.size() * kMapDefinitionSize)));
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      Id(btf__add_datasec_var_info(types_, variables_[i], static_cast<std::uint32_t>(i * kMapDefinitionSize),
                                   kMapDefinitionSize));
    }
  }

 private:
  btf* types_;
  int integer_;
  std::vector<int> variables_;
};

}  // namespace

ObjectBtf MakeObjectBtf(const ObjectSpec& spec) {
  const std::unique_ptr<btf, FreeBtf> types(btf__new_empty());
  if (types == nullptr) throw ErrnoError("write BTF", "object", errno);
  btf* all = types.get();
  const int integer = Id(btf__add_int(all, "int", sizeof(int), BTF_INT_SIGNED));
  // int NAME(void *ctx): what the context is the section says.
  const int context = Id(btf__add_ptr(all, 0));
  const int prototype = Id(btf__add_func_proto(all, integer));
  Id(btf__add_func_param(all, "ctx", context));
  const int function = Id(btf__add_func(all, spec.program.c_str(), BTF_FUNC_GLOBAL, prototype));
  Maps maps(all, integer);
  for (const ObjectMap& map : spec.maps) maps.Add(map);
  maps.Finish();

  FunctionInfo functions;
  functions.section_name = static_cast<std::uint32_t>(Id(btf__add_str(all, spec.section.c_str())));
  functions.type = static_cast<std::uint32_t>(function);
  LineInfo lines;
  lines.section_name = functions.section_name;
  lines.file_name = static_cast<std::uint32_t>(Id(btf__add_str(all, "filter")));
  lines.line = static_cast<std::uint32_t>(
      Id(btf__add_str(all, spec.line.empty() ? spec.program.c_str() : spec.line.c_str())));
  ExtHeader header;
  header.functions_length = sizeof(FunctionInfo);
  header.lines_offset = sizeof(FunctionInfo);
  header.lines_length = sizeof(LineInfo);

  std::uint32_t size = 0;
  const void* raw = btf__raw_data(all, &size);
  if (raw == nullptr) throw ErrnoError("write BTF", "object", ENOMEM);
  return {std::string(static_cast<const char*>(raw), size), Bytes(header) + Bytes(functions) + Bytes(lines)};
}

}  // namespace knetlab
