// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "harness/cli/terminal.h"
#include "harness/cli/text.h"

namespace knetlab {
namespace {

// A terminal that is gone is no reason to fail.
void ToTerminal(const std::string& text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Progress::Progress() : enabled_(IsTerminal(STDERR_FILENO)) {}

void Progress::Show(std::size_t done, std::size_t total, std::string_view name) {
  if (!enabled_) return;
  const std::string count = std::to_string(total);
  std::string line = fmt::format("[{:>{}}/{}] {}", done, count.size(), count, TerminalSafe(name));
  // A line that wraps could not be written over. Bytes are no fewer than columns.
  const std::size_t width = WidthOf(STDERR_FILENO);
  if (line.size() >= width) line.resize(width - 1);
  ToTerminal(fmt::format("\r\033[K{}", line));
  shown_ = true;
}

void Progress::Clear() {
  if (shown_) ToTerminal("\r\033[K");
  shown_ = false;
}

}  // namespace knetlab
