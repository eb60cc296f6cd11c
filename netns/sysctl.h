// SPDX-License-Identifier: Apache-2.0
// Sysctls of a namespace. /proc/sys/net shows those of the namespace of the thread that opens the file, so
// both functions work on the namespace of the calling thread: call them from Namespace::Run or
// VisitNamespaces.
#pragma once

#include <string>
#include <string_view>

namespace knetlab {

// `key` as sysctl(8) takes it, with or without "net.": "ipv4.ip_forward", or with slashes where an
// interface's name has dots: "ipv4/conf/eth0.100/rp_filter". `where` names the namespace in errors. Throws
// Error, with the nearest key where there is none.
void WriteSysctl(const std::string& where, const std::string& key, const std::string& value);
std::string ReadSysctl(const std::string& where, const std::string& key);

}  // namespace knetlab
