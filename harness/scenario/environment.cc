// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/environment.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

namespace knetlab {
namespace {

constexpr const char* kFlaws = "/sys/devices/system/cpu/vulnerabilities";

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

// "spectre_v2: Retpolines; ...": each flaw that this CPU has.
std::string Mitigations() {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> found;
  std::error_code failure;
  for (const fs::directory_entry& flaw : fs::directory_iterator(kFlaws, failure)) {
    std::ifstream file(flaw.path());
    std::string text;
    std::getline(file, text);
    if (text.find("Not affected") != 0) found[flaw.path().filename()] = text;
  }
  std::string all;
  for (const auto& [name, text] : found)
    fmt::format_to(std::back_inserter(all), "{}{}: {}", all.empty() ? "" : "; ", name, text);
  return all;
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
  environment.mitigations = Mitigations();
  environment.clock = FirstWord("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  environment.governor = FirstWord("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  environment.version = KNETLAB_VERSION;
  return environment;
}

}  // namespace knetlab
