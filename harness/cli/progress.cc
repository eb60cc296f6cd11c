// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
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

void Progress::Begin(std::size_t total) {
  total_ = total;
  begin_ = std::chrono::steady_clock::now();
  Write(fmt::format("[{:>{}}/{}]", 0, std::to_string(total).size(), total));
}

void Progress::Show(std::size_t done, std::string_view name) {
  if (done >= total_) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  Write(fmt::format("[{:>{}}/{}] {} left, after {}", done, std::to_string(total_).size(), total_,
                    TimeLeft(elapsed, done, total_), TerminalSafe(name)));
}

void Progress::Write(std::string line) {
  if (!enabled_) return;
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

std::string TimeLeft(double elapsed_s, std::size_t done, std::size_t total) {
  const double each = elapsed_s / static_cast<double>(std::max<std::size_t>(done, 1));
  const double left = std::ceil(each * static_cast<double>(total - std::min(done, total)));
  if (left < 60) return fmt::format("about {:.0f} s", std::max(left, 1.0));
  return fmt::format("about {:.0f} min", std::ceil(left / 60));
}

}  // namespace knetlab
