// SPDX-License-Identifier: Apache-2.0
// The store as a file: its schema and version, how it is opened and checked, SQLite's failures as Errors.
#pragma once

#include <memory>
#include <string>

#include "netns/error.h"
#include "results/store.h"

namespace SQLite {
class Exception;
}

namespace knetlab {

// Grows with every change of the schema; kept in the file as `user_version`.
inline constexpr int kStoreVersion = 1;

// Opens the file, makes the schema in a new one, and checks that it is a whole store of this version. Throws
// Error.
std::unique_ptr<SQLite::Database> OpenStoreFile(const std::string& path, Store::Mode mode);

// What SQLite's failure means for a person.
Error StoreError(const std::string& what, const std::string& path, const SQLite::Exception& failure);

}  // namespace knetlab
