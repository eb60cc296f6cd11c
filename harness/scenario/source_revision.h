// SPDX-License-Identifier: Apache-2.0
// Which commit of a git checkout a file belongs to. The files of git are read as they are: running git, as
// root, in a folder of someone else would run what its configuration names.
#pragma once

#include <string>

namespace knetlab {

// The commit that HEAD of the checkout around `path` stands for, as 40 or 64 hex digits; empty where there is
// no checkout or no commit in it yet. Changes that are not committed are not seen.
std::string SourceRevision(const std::string& path);

}  // namespace knetlab
