// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "harness/cli/terminal.h"
#include "harness/scenario/whole_file.h"
#include "netns/error.h"

namespace knetlab {
namespace {

void WriteToStdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw ErrnoError("write", "stdout", written < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Output::Output(std::string file) : file_(std::move(file)) {
  if (!file_.empty()) RequireWritable(file_, "write result");
}

void Output::Write(std::string_view text) {
  if (file_.empty()) {
    WriteToStdout(text);
  } else {
    held_ += text;
  }
}

void Output::Commit() {
  if (file_.empty()) return;
  WriteWholeFile(file_, held_);
  held_.clear();
}

bool Output::colour() const {
  return file_.empty() && WantsColour(STDOUT_FILENO);
}
std::size_t Output::width() const {
  return WidthOf(file_.empty() ? STDOUT_FILENO : -1);
}

}  // namespace knetlab
