// SPDX-License-Identifier: Apache-2.0
// Files that hold a result: whole or not there.
#pragma once

#include <string>
#include <string_view>

namespace knetlab {

// Writes it beside its place and renames it, so that one that was there before stays until the new one is
// whole. A link stays one; a device or pipe is written to. Throws Error.
void WriteWholeFile(const std::string& path, std::string_view text);

// What WriteWholeFile() would fail for, found out before there is anything to write; leaves nothing behind,
// killed at any moment. Throws Error, with `what` as the operation ("write report").
void RequireWritable(const std::string& path, const std::string& what);

}  // namespace knetlab
