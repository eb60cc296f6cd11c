// SPDX-License-Identifier: Apache-2.0
// The BTF of an object that ObjectFile() writes: its function's name and type, its maps as libbpf wants them.
#pragma once

#include <string>

#include "harness/filter/object_writer.h"

namespace knetlab {

struct ObjectBtf {
  std::string btf, ext;  // sections .BTF and .BTF.ext
};
// A map's definition is kMapDefinitionSize bytes long in .maps, in the spec's order. Throws Error.
inline constexpr std::size_t kMapDefinitionSize = 4 * sizeof(void*);
ObjectBtf MakeObjectBtf(const ObjectSpec& spec);

}  // namespace knetlab
