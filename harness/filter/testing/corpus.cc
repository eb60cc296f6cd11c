// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/corpus.h"

#include <cerrno>
#include <fstream>

#include "netns/error.h"

namespace knetlab::filter_testing {

std::vector<std::string> ReadExpressions(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw ErrnoError("read expressions", path, errno);
  std::vector<std::string> expressions;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') expressions.push_back(line);
  }
  return expressions;
}

}  // namespace knetlab::filter_testing
