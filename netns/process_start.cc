// SPDX-License-Identifier: Apache-2.0
#include "netns/process_start.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace knetlab {

// The command in field 2 may hold spaces and brackets, so fields are counted from its last bracket.
unsigned long long ProcessStart(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const std::size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream fields(line.substr(bracket + 1));
  std::string field;
  if (line.size() > bracket + 2 && line[bracket + 2] == 'Z') return 0;
  for (int number = 3; number <= 22 && fields >> field; ++number) {
  }
  unsigned long long value = 0;
  std::from_chars(field.data(), field.data() + field.size(), value);
  return value;
}

}  // namespace knetlab
