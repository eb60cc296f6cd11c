// SPDX-License-Identifier: Apache-2.0
#include "netns/device_attribute.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "netns/error.h"
#include "netns/fd.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

// A sysfs shows the namespace it was mounted from, and /sys is the machine's: so one of our own, attached
// nowhere.
UniqueFd MountSysfs(const std::string& where) {
  const UniqueFd context(::fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    throw ErrnoError("open sysfs for", where, errno);
  UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) throw ErrnoError("mount sysfs for", where, errno);
  return mount;
}

std::string MissingHint(int folder, const std::string& name) {
  const int copy = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(copy < 0 ? nullptr : ::fdopendir(copy), ::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
    if (entry->d_type == DT_REG) names.emplace_back(entry->d_name);
  }
  return NearestHint(name, names);
}

}  // namespace

void WriteDeviceAttributes(const std::string& interface, const std::string& where,
                           const std::map<std::string, std::string>& attributes) {
  if (attributes.empty()) return;
  const UniqueFd mount = MountSysfs(where);
  const std::string path = "class/net/" + interface;
  const UniqueFd folder(::openat(mount.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw ErrnoError("open /sys/" + path + " of", where, errno);
  for (const auto& [name, value] : attributes) {
    const std::string what = fmt::format("set {}={} of", name, value);
    // No path: links in this folder lead to other devices.
    const bool is_name = name.find('/') == std::string::npos && name != "." && name != "..";
    const UniqueFd fd(is_name ? ::openat(folder.get(), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1);
    if (!fd) {
      const int error = is_name ? errno : EINVAL;
      throw ErrnoError(what, where, error, error == ENOENT ? MissingHint(folder.get(), name) : "");
    }
    if (::write(fd.get(), value.data(), value.size()) < 0) throw ErrnoError(what, where, errno);
  }
}

}  // namespace knetlab
