// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any file is an object with programs or an error, and opens as well with the types of
// instrumentation in its BTF. Nothing goes to the kernel: its verifier is not
// ours to fuzz, least of all on the machine that the work is done on.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "harness/program/instrument_section.h"
#include "harness/program/object.h"
#include "harness/program/object_file.h"
#include "netns/error.h"
#include "netns/fd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const knetlab::UniqueFd file(::memfd_create("object", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  bool opens = false;
  try {
    for (const knetlab::ProgramInfo& program : knetlab::InspectObject(path)) {
      if (program.name.empty()) std::abort();
    }
    opens = true;
    knetlab::ObjectFile extended = knetlab::ReadObjectFile(path);
    knetlab::AddInstrumentationTypes(extended);
    knetlab::OpenObject(extended);
  } catch (const knetlab::Error& error) {
    if (opens || error.parts().why.empty() || error.parts().where.empty()) std::abort();
  }
  return 0;
}
