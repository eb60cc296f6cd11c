// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "harness/program/object.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {

inline std::string TestObject(const std::string& name) {
  return std::string(KNETLAB_TEST_OBJECTS) + "/" + name + ".bpf.o";
}

template <typename T>
std::vector<std::byte> Bytes(T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  return {first, first + sizeof(value)};
}

// A global variable's content, whatever size it has.
template <typename T>
GlobalContent Global(T value) {
  return [value](std::size_t) { return Bytes(value); };
}

inline std::vector<std::byte> Packet(std::size_t length) {
  return std::vector<std::byte>(length, std::byte{0x55});
}

// The parts of the Error that `action` throws; a test failure where it throws none.
inline ErrorParts ErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.parts();
  }
  ADD_FAILURE() << "no Error was thrown";
  return {};
}

// A folder that goes with the test.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "knetlab-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw ErrnoError("create", name, errno);
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

  std::string Write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// client:eth0 10.0.0.1/24 and server:eth0 10.0.0.2/24.
inline Topology TwoNamespaces(int mtu = 1500) {
  TopologySpec spec;
  spec.namespaces.resize(2);
  spec.namespaces[0].name = "client";
  spec.namespaces[1].name = "server";
  LinkSpec link;
  link.mtu = mtu;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  link.ends[0].addresses = {IpPrefix::Parse("10.0.0.1/24")};
  link.ends[1].addresses = {IpPrefix::Parse("10.0.0.2/24")};
  spec.links = {link};
  return Topology::Build(spec);
}

}  // namespace knetlab
