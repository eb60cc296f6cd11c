// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/environment.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace knetlab {
namespace {

std::string FirstWord(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// "model name : Intel(R) ..." on x86, nothing of the kind on most others.
std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const std::size_t value = line.find_first_not_of(" \t", line.find(':') + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

}  // namespace

Environment ReadEnvironment() {
  Environment environment;
  utsname names{};
  if (::uname(&names) == 0) {
    environment.kernel = names.release;
    environment.machine = names.machine;
  }
  environment.cpu = CpuModel();
  environment.cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  environment.jit = FirstWord("/proc/sys/net/core/bpf_jit_enable");
  environment.version = KNETLAB_VERSION;
  return environment;
}

}  // namespace knetlab
