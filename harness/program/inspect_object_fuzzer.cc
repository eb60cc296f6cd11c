// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any file is an object with programs or an error. Nothing goes to the kernel: its verifier is not
// ours to fuzz, least of all on the machine that the work is done on.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "harness/program/object.h"
#include "netns/error.h"
#include "netns/fd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const knetlab::UniqueFd file(::memfd_create("object", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    for (const knetlab::ProgramInfo& program :
         knetlab::InspectObject("/proc/self/fd/" + std::to_string(file.get()))) {
      if (program.name.empty()) std::abort();
    }
  } catch (const knetlab::Error& error) {
    if (error.parts().why.empty() || error.parts().where.empty()) std::abort();
  }
  return 0;
}
