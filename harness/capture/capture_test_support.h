// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: hooks, pinned for a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/program/object.h"
#include "harness/program/raw_program.h"
#include "harness/traffic/test_packets.h"

namespace knetlab::testing {

// The name of a kernel object in bpffs, for as long as this lives.
class Pin {
 public:
  explicit Pin(int fd);
  ~Pin();
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// bpf/hooked: the verdict is the packet's first byte modulo 5.
struct Hooked {
  Hooked();
  BpfObject object;
  Pin pin, pin_frags;
  const Program& program() const { return object.program("hooked"); }
  const Program& frags() const { return object.program("hooked_frags"); }
  int hook() const { return object.map("hook").fd(); }
};

// Of any type with an __sk_buff, instrumented: 0, which is a drop, where the length of what it is given is
// odd; else 1.
RawProgram KeepsEvenLengths(bpf_prog_type type, std::uint32_t attach_type = 0);

}  // namespace knetlab::testing
