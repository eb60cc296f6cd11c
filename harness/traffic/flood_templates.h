// SPDX-License-Identifier: Apache-2.0
// The templates of floods by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/traffic/flood_field.h"
#include "harness/traffic/flood_packet.h"

namespace knetlab {

struct FloodTemplate {
  const char* name;
  const char* summary;
  // A packet before its fields are set; what has no field (a DNS name) is drawn here.
  FloodPacket (*make)(bool ipv6, FloodRandom& random);
  std::vector<std::string> sets;  // FIELD=SPEC, beside the addresses
  std::size_t fragment = 0;       // bytes of a fragment; 0: whole packets
};

const std::vector<FloodTemplate>& FloodTemplates();
// Null where there is none.
const FloodTemplate* FindFloodTemplate(std::string_view name);

}  // namespace knetlab
