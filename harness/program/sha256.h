// SPDX-License-Identifier: Apache-2.0
// SHA-256 as lower-case hex: how records name the captures and objects they were made from.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace knetlab {

std::string Sha256Hex(std::span<const std::byte> data);

// Of a whole file, from its beginning; the descriptor's position is left as it is. Throws Error (`path` is
// for its text).
std::string Sha256File(int fd, const std::string& path);

}  // namespace knetlab
