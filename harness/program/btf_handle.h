// SPDX-License-Identifier: Apache-2.0
// BTF of libbpf, freed with its owner.
#pragma once

#include <bpf/btf.h>

#include <memory>

namespace knetlab {

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfHandle = std::unique_ptr<btf, FreeBtf>;

}  // namespace knetlab
