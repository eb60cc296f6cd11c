// SPDX-License-Identifier: Apache-2.0
// Offloads by ethtool netlink (Linux 5.6 and later).
#pragma once

#include <map>
#include <string>

namespace knetlab {

// Turns features of an interface of the calling thread's namespace on or off. Names are those of `ethtool
// -k`: the kernel's
// ("tx-checksum-ip-generic") and ethtool's groups ("tx-checksumming", "generic-receive-offload"). `where`
// names the interface in errors. Throws Error: a name the kernel does not know (with the nearest one), a
// feature that is fixed.
void SetFeatures(int ifindex, const std::string& where, const std::map<std::string, bool>& features);

// All features of the interface by the kernel's names, and whether each is on now.
std::map<std::string, bool> GetFeatures(int ifindex, const std::string& where);

}  // namespace knetlab
