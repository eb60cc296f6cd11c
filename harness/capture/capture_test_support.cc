// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/capture_test_support.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace knetlab::testing
