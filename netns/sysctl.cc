// SPDX-License-Identifier: Apache-2.0
#include "netns/sysctl.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "netns/error.h"
#include "netns/fd.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;
constexpr const char* kRoot = "/proc/sys/net";

std::string What(const char* verb, const std::string& key) {
  return fmt::format("{} sysctl net.{}", verb, key);
}

// Below kRoot, whatever the key says: no component may leave it.
fs::path PathOf(const std::string& what, const std::string& where, std::string key) {
  const std::size_t first = key.find_first_of("./");
  if (first != std::string::npos && key[first] == '.') {
    for (char& c : key) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  if (key.starts_with("net/")) key.erase(0, 4);
  const fs::path path(key);
  bool good = !key.empty() && path.is_relative() && key.find('\0') == std::string::npos;
  for (const fs::path& part : path) good = good && !part.empty() && part != "." && part != "..";
  if (good) return fs::path(kRoot) / path;
  throw Error({.what = what,
               .where = where,
               .why = "not a key",
               .hint = "such as ipv4.ip_forward",
               .detail = "",
               .code = EINVAL});
}

// The first part of the path that is not there, and what is there in its place.
std::string MissingHint(const fs::path& path) {
  fs::path parent = path.parent_path();
  fs::path part = path.filename();
  std::error_code ignored;
  while (!fs::exists(parent, ignored) && parent.native().size() > std::string_view(kRoot).size()) {
    part = parent.filename();
    parent = parent.parent_path();
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(parent, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  const std::string nearest = NearestName(part.string(), names);
  if (!nearest.empty()) return fmt::format("did you mean {} in place of {}?", nearest, part.string());
  return "some sysctls exist only in the first namespace";
}

[[noreturn]] void Throw(const std::string& what, const std::string& where, const fs::path& path, int error) {
  throw ErrnoError(what, where, error, error == ENOENT ? MissingHint(path) : "");
}

}  // namespace

void WriteSysctl(const std::string& where, const std::string& key, const std::string& value) {
  const std::string what = What("set", key) + "=" + value;
  const fs::path path = PathOf(what, where, key);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) Throw(what, where, path, errno);
  if (::write(fd.get(), value.data(), value.size()) < 0) Throw(what, where, path, errno);
}

std::string ReadSysctl(const std::string& where, const std::string& key) {
  const std::string what = What("read", key);
  const fs::path path = PathOf(what, where, key);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) Throw(what, where, path, errno);
  std::string value(4096, '\0');
  const ssize_t size = ::read(fd.get(), value.data(), value.size());
  if (size < 0) Throw(what, where, path, errno);
  value.resize(static_cast<std::size_t>(size));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

}  // namespace knetlab
