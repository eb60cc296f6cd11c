// SPDX-License-Identifier: Apache-2.0
// Manual pages, one a verb, in roff with the macros of man(7).
#pragma once

#include <string>
#include <vector>

#include "harness/cli/command_model.h"

namespace knetlab {

// "knetlab-topology-up"
std::string ManPageName(const VerbInfo& verb);
// `date` as "2026-11-22".
std::string ManPage(const VerbInfo& verb, const std::vector<VerbInfo>& all, const std::string& date);

}  // namespace knetlab
