// SPDX-License-Identifier: Apache-2.0
// The bytes of a capture file as libpcap is to see them.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "netns/fd.h"

namespace knetlab {

using CaptureBytes = std::unique_ptr<FILE, int (*)(FILE*)>;

// From the file's beginning, whatever the descriptor's position, which is left as it is. The snapshot length
// of a pcap header is read as the greatest: libpcap cuts packets that are longer than what a header claims,
// though they are whole in the file. Throws Error (`path` is for its text).
CaptureBytes OpenCaptureBytes(UniqueFd fd, const std::string& path);

}  // namespace knetlab
