// SPDX-License-Identifier: Apache-2.0
// `knetlab try --capture FILE`: every packet of a trial with its verdict, as pcapng; one that the program
// rewrote twice, as it came and as it left.
#pragma once

#include <string>

#include "harness/scenario/try.h"
#include "harness/traffic/capture_file.h"

namespace knetlab {

// `sent` are the packets of the result, in their order. Throws Error.
void WriteTryCapture(const std::string& path, const TryResult& result, const Capture& sent);

}  // namespace knetlab
