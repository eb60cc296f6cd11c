// SPDX-License-Identifier: Apache-2.0
// What this kernel and machine can do, found out by trying it, never by version. Scenarios name these in
// `requires:`, and `knetlab doctor` prints them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

struct Facility {
  std::string name;  // "xdp-native"
  bool works = false;
  std::string detail;  // what was seen: "attached to a veth", "bpf(BPF_LINK_CREATE): Operation not supported"
  std::string hint;    // how to get it; empty only where it works
  bool essential = false;  // the unit and wire rigs need it
};

// All of them, probed now; takes some hundred milliseconds. Leaves nothing behind.
std::vector<Facility> ProbeFacilities();
// Only the essential ones: some ten times quicker.
std::vector<Facility> ProbeEssentials();
// One of them. Throws Error for a name that is none, with the nearest.
Facility ProbeFacility(std::string_view name);
std::vector<std::string> FacilityNames();

}  // namespace knetlab
