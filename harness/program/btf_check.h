// SPDX-License-Identifier: Apache-2.0
// Whether an object's BTF can be walked: libbpf 1.1 follows its type numbers and names without looking, and a
// hostile file would crash it or send it in circles.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace knetlab {

// `section` is the content of .BTF. Empty where it is sound, or where libbpf refuses to parse it at all,
// which it reports itself; else what is wrong with it.
std::string BtfDefect(std::span<const std::byte> section);

}  // namespace knetlab
