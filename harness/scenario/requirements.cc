// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/requirements.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "harness/scenario/facilities.h"
#include "netns/error.h"

namespace knetlab {

bool HasPrivileges() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  constexpr std::uint32_t kWanted = (1U << CAP_SYS_ADMIN) | (1U << CAP_NET_ADMIN);
  return (data[0].effective & kWanted) == kWanted;
}

void RequireRoot(const std::string& what) {
  if (HasPrivileges()) return;
  throw Error({.what = what,
               .where = "",
               .why = "needs root, to make network namespaces and to load BPF programs",
               .hint = fmt::format("sudo knetlab {} ...", what),
               .detail = "",
               .code = EPERM});
}

void RequireEssentials(const std::string& what) {
  std::string missing, detail;
  for (const Facility& facility : ProbeEssentials()) {
    if (facility.works) continue;
    missing += (missing.empty() ? "" : ", ") + facility.name;
    detail += fmt::format("{}: {}\n  {}\n", facility.name, facility.detail, facility.hint);
  }
  if (missing.empty()) return;
  throw Error({.what = what,
               .where = "",
               .why = fmt::format("this machine lacks {}", missing),
               .hint = "knetlab doctor",
               .detail = detail,
               .code = ENOTSUP});
}

}  // namespace knetlab
