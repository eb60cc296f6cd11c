// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/capture_test_support.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "harness/filter/assembler.h"
#include "netns/error.h"

namespace knetlab::testing {

Pin::Pin(int fd) {
  static int number = 0;
  path_ = fmt::format("/sys/fs/bpf/knetlab-test-{}-{}", ::getpid(), ++number);
  if (bpf_obj_pin(fd, path_.c_str()) != 0) throw ErrnoError("pin", path_, errno);
}

Pin::~Pin() {
  ::unlink(path_.c_str());
}

Hooked::Hooked()
    : object(BpfObject::Load(KNETLAB_OBJECTS "/hooked.bpf.o", {})),
      pin(object.map("hook").fd()),
      pin_frags(object.map("hook_frags").fd()) {}

RawProgram KeepsEvenLengths(bpf_prog_type type, std::uint32_t attach_type) {
  Assembler a;
  a.Load(Size::kWord, R0, R1, offsetof(__sk_buff, len));
  a.Alu(AluOp::kAnd, Width::k64, R0, 1);
  a.Alu(AluOp::kXor, Width::k64, R0, 1);
  if (type == BPF_PROG_TYPE_SOCKET_FILTER) a.Alu(AluOp::kLeft, Width::k64, R0, 18);  // bytes to keep
  a.Exit();
  const Code code = a.Finish();
  return RawProgram::Load({.name = "even",
                           .type = type,
                           .expected_attach_type = attach_type,
                           .instructions = code.instructions,
                           .instrument = InstrumentOptions{}});
}

}  // namespace knetlab::testing
