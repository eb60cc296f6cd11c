// SPDX-License-Identifier: Apache-2.0
// The JSON document of `knetlab capture` ("schema": "knetlab.capture/1", docs/capture.md), made here so that
// the command and the bindings give the same.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/capture/session.h"

namespace knetlab {

nlohmann::ordered_json CaptureDocument(const std::string& hook, const SessionOptions& options,
                                       const CaptureResult& result);

// "count", "duration", "stopped" or "output".
std::string CaptureEndName(CaptureEnd end);

}  // namespace knetlab
