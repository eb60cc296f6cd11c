// SPDX-License-Identifier: Apache-2.0
#include "harness/program/libbpf_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace knetlab {
namespace {

// A hostile object can make libbpf say a lot; this much is kept.
constexpr std::size_t kMaxLines = 200;
constexpr std::string_view kPrefix = "libbpf: ";
constexpr std::string_view kKernelMessage = "Kernel error message: ";

thread_local LibbpfLog* current_log = nullptr;

__attribute__((format(printf, 2, 0))) int Collect(enum libbpf_print_level level, const char* format,
                                                  std::va_list arguments) {
  if (level == LIBBPF_DEBUG || current_log == nullptr) return 0;
  std::array<char, 4096> line{};
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  try {
    current_log->Append(line.data());
  } catch (...) {
    // Out of memory: a lost message is better than an exception through libbpf's C frames.
    return length;
  }
  return length;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current_log) {
  static const bool installed = (libbpf_set_print(Collect), true);
  static_cast<void>(installed);
  current_log = this;
}

LibbpfLog::~LibbpfLog() {
  current_log = outer_;
}

void LibbpfLog::Append(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
  if (!text.empty() && lines_.size() < kMaxLines) lines_.push_back(Printable(std::move(text)));
}

std::string LibbpfLog::Text() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  if (!text.empty()) text.pop_back();
  return text;
}

std::string LibbpfLog::Reason() const {
  for (const std::string& line : lines_) {
    const bool consequence = Contains(line, "failed to load object") ||
                             Contains(line, ": failed to load: ") ||
                             Contains(line, "Failed to bump RLIMIT_MEMLOCK") || Contains(line, "skipping");
    if (!consequence) return line;
  }
  return "";
}

std::string LibbpfLog::KernelMessage() const {
  for (const std::string& line : lines_) {
    if (line.starts_with(kKernelMessage)) return line.substr(kKernelMessage.size());
  }
  return "";
}

std::string Printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < ' ' && c != '\n' && c != '\t') || byte > '~') c = '?';
  }
  return text;
}

}  // namespace knetlab
