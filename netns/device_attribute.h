// SPDX-License-Identifier: Apache-2.0
// Attributes of network devices in sysfs: the files of /sys/class/net/INTERFACE, such as gro_flush_timeout,
// napi_defer_hard_irqs and threaded, which netlink does not have (Linux 5.2 and later).
#pragma once

#include <map>
#include <string>

namespace knetlab {

// Writes attributes of an interface of the calling thread's namespace, by the file's name. `where` names the
// interface in errors. Throws Error: a name the kernel does not know (with the nearest one), a value it
// refuses.
void WriteDeviceAttributes(const std::string& interface, const std::string& where,
                           const std::map<std::string, std::string>& attributes);

}  // namespace knetlab
