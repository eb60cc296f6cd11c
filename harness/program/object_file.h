// SPDX-License-Identifier: Apache-2.0
// A BPF object file, read and opened but not loaded. The file is read once: what is hashed is what is loaded.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace knetlab {

struct ObjectFile {
  std::string path;
  std::string sha256;  // hex
  std::vector<std::byte> bytes;
};

// Throws Error: unreadable, no ELF, not for BPF, big-endian, cut short.
ObjectFile ReadObjectFile(const std::string& path);

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectHandle = std::unique_ptr<bpf_object, CloseObject>;

// Parses it with libbpf, removes every wish to be pinned, and refuses names that a terminal should not see.
// Throws Error.
ObjectHandle OpenObject(const ObjectFile& file);

std::vector<bpf_program*> ProgramsOf(bpf_object* object);
std::vector<bpf_map*> MapsOf(bpf_object* object);

}  // namespace knetlab
