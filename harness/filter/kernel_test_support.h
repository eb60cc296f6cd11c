// SPDX-License-Identifier: Apache-2.0
// For tests of this folder: objects loaded by libbpf itself, and commands. What the lab has for it is above
// this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct bpf_object;

namespace knetlab {

// An object from memory, loaded. Throws std::runtime_error with libbpf's last words and the verifier's.
class LoadedObject {
 public:
  explicit LoadedObject(std::string_view bytes);
  ~LoadedObject();
  LoadedObject(const LoadedObject&) = delete;
  LoadedObject& operator=(const LoadedObject&) = delete;

  int program_fd(const std::string& name) const;
  int map_fd(const std::string& name) const;

 private:
  bpf_object* object_ = nullptr;
};

// BPF_PROG_TEST_RUN. Throws std::runtime_error.
std::uint32_t Verdict(int program_fd, std::span<const std::byte> packet);

// Runs a shell command; its standard output and error. Throws std::runtime_error where it fails.
std::string CommandOutput(const std::string& command);

// A folder of its own, gone at the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string Path(const std::string& name) const;

 private:
  std::string path_;
};

void WriteFile(const std::string& path, std::string_view bytes);
std::string ReadFile(const std::string& path);

}  // namespace knetlab
