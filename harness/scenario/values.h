// SPDX-License-Identifier: Apache-2.0
// From ValueSpec (YAML) to bytes of a known size, and back to text for messages.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "harness/program/object.h"
#include "harness/scenario/model.h"

namespace knetlab {

// What values need of the lab.
struct EndpointAccess {
  std::function<int(const std::string& endpoint)> ifindex;
  // Runs the work in the namespace of the endpoint.
  std::function<void(const std::string& endpoint, const std::function<void()>& work)> run_in;
  std::function<int(const std::string& label)> socket;  // the descriptor of a socket
};

// Throws Error at the value's mark where it does not fit `size` bytes.
std::vector<std::byte> EncodeValue(const ValueSpec& value, std::size_t size, const EndpointAccess& endpoints);

// A device map looks an interface up in the namespace of whoever writes it: an entry that names an endpoint
// is written from that endpoint's namespace. Throws Error.
void WriteEntries(const BpfMap& map, const std::vector<MapEntrySpec>& entries,
                  const EndpointAccess& endpoints);

// 1, 2, 4 and 8 bytes as an unsigned integer, anything else as hex.
std::string DescribeBytes(const std::vector<std::byte>& bytes);

}  // namespace knetlab
