// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/kernel_test_support.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace knetlab {
namespace {

thread_local std::string last_words;

int Keep(libbpf_print_level, const char* format, va_list arguments) {
  std::array<char, 8192> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  last_words += line.data();
  return 0;
}

}  // namespace

LoadedObject::LoadedObject(std::string_view bytes) {
  libbpf_set_print(Keep);
  last_words.clear();
  object_ = bpf_object__open_mem(bytes.data(), bytes.size(), nullptr);
  if (object_ == nullptr) throw std::runtime_error(last_words);
  if (bpf_object__load(object_) != 0) {
    bpf_object__close(object_);
    throw std::runtime_error(last_words);
  }
}

LoadedObject::~LoadedObject() {
  bpf_object__close(object_);
}

int LoadedObject::program_fd(const std::string& name) const {
  const bpf_program* program = bpf_object__find_program_by_name(object_, name.c_str());
  if (program == nullptr) throw std::runtime_error("no program " + name);
  return bpf_program__fd(program);
}

int LoadedObject::map_fd(const std::string& name) const {
  return bpf_object__find_map_fd_by_name(object_, name.c_str());
}

std::uint32_t Verdict(int program_fd, std::span<const std::byte> packet) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  if (bpf_prog_test_run_opts(program_fd, &options) != 0)
    throw std::runtime_error(fmt::format("test run of {} bytes: {}", packet.size(), std::strerror(errno)));
  return options.retval;
}

std::string CommandOutput(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error(command);
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  if (::pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
  return output;
}

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "knetlab-filter-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
  path_ = name;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestFolder::Path(const std::string& name) const {
  return path_ + "/" + name;
}

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error(path);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace knetlab
