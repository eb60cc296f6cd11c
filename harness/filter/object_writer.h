// SPDX-License-Identifier: Apache-2.0
// An ELF object of a program made at run time, for whatever loads objects: libbpf, bpftool, ip, tc.
//
//   std::string bytes = ObjectFile({.section = "xdp", .program = "filter", .code = code});
//
// It has the program, its license, its maps (as ".maps" with their BTF) and BTF of the program's function, so
// that the kernel and bpftool know its name. llvm-objdump -d reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/filter/assembler.h"

namespace knetlab {

struct ObjectMap {
  std::string name;  // as Code::map_uses has it
  std::uint32_t type = BPF_MAP_TYPE_UNSPEC, key_size = 0, value_size = 0, max_entries = 0;
};

struct ObjectSpec {
  std::string section;             // "xdp", "tc", "socket"
  std::string program = "filter";  // the symbol; a C identifier
  const Code& code;                // one function
  std::vector<ObjectMap> maps = {};
  std::string line = {};  // what bpftool shows above the listing: where the program comes from
  std::string license = "GPL";
};

// The file's bytes. Throws Error where code uses a map that the spec lacks.
std::string ObjectFile(const ObjectSpec& spec);

}  // namespace knetlab
