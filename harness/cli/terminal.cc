// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace knetlab {

bool IsTerminal(int fd) {
  return ::isatty(fd) == 1;
}

bool WantsColour(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  return IsTerminal(fd) && (refused == nullptr || *refused == '\0') &&
         (kind == nullptr || std::string_view(kind) != "dumb");
}

std::size_t WidthOf(int fd) {
  constexpr std::size_t kDefault = 120;
  winsize size{};
  if (!IsTerminal(fd) || ::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefault;
  return size.ws_col;
}

}  // namespace knetlab
