// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_section.h"

#include <elf.h>

#include <cstring>
#include <string_view>

#include "harness/program/btf_handle.h"
#include "harness/program/instrument_types.h"
#include "harness/program/libbpf_log.h"

namespace knetlab {
namespace {

// Section headers were checked when the file was read.
struct Section {
  std::size_t header_at = 0;  // in the file; 0: there is none
  Elf64_Shdr header{};
};

Section FindBtf(const ObjectFile& file) {
  Elf64_Ehdr elf{};
  std::memcpy(&elf, file.bytes.data(), sizeof(elf));
  const auto header_at = [&](std::size_t index) { return elf.e_shoff + index * sizeof(Elf64_Shdr); };
  Elf64_Shdr names{};
  std::memcpy(&names, file.bytes.data() + header_at(elf.e_shstrndx), sizeof(names));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes.data() + names.sh_offset),
                              names.sh_size);
  for (std::size_t i = 0; i < elf.e_shnum; ++i) {
    Section section{.header_at = header_at(i)};
    std::memcpy(&section.header, file.bytes.data() + section.header_at, sizeof(section.header));
    if (section.header.sh_type != SHT_PROGBITS || section.header.sh_name >= text.size()) continue;
    if (text.substr(section.header.sh_name).starts_with(std::string_view(".BTF\0", 5))) return section;
  }
  return {};
}

}  // namespace

void AddInstrumentationTypes(ObjectFile& file) {
  const LibbpfLog quiet;
  Section section = FindBtf(file);
  if (section.header_at == 0) return;
  const BtfHandle types(btf__new(file.bytes.data() + section.header.sh_offset,
                                 static_cast<std::uint32_t>(section.header.sh_size)));
  if (types == nullptr || !AddTypesForAllPrograms(types.get())) return;
  std::uint32_t size = 0;
  const auto* raw = static_cast<const std::byte*>(btf__raw_data(types.get(), &size));
  if (raw == nullptr) return;
  // At the end of the file, and aligned; the old content stays where it was, unused.
  file.bytes.resize((file.bytes.size() + 7) / 8 * 8);
  section.header.sh_offset = file.bytes.size();
  section.header.sh_size = size;
  file.bytes.insert(file.bytes.end(), raw, raw + size);
  std::memcpy(file.bytes.data() + section.header_at, &section.header, sizeof(section.header));
}

}  // namespace knetlab
