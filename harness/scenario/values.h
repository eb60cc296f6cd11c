// SPDX-License-Identifier: Apache-2.0
// From ValueSpec (YAML) to bytes of a known size, and back to text for messages.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "harness/scenario/model.h"

namespace knetlab {

using IfindexLookup = std::function<int(const std::string& endpoint)>;

// Throws Error at the value's mark where it does not fit `size` bytes.
std::vector<std::byte> EncodeValue(const ValueSpec& value, std::size_t size, const IfindexLookup& ifindex);

// 1, 2, 4 and 8 bytes as an unsigned integer, anything else as hex.
std::string DescribeBytes(const std::vector<std::byte>& bytes);

}  // namespace knetlab
