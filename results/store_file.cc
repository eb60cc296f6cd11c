// SPDX-License-Identifier: Apache-2.0
#include "results/store_file.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace knetlab {
namespace {

constexpr int kApplicationId = 0x6b6e6574;  // "knet": `file` and others see whose it is
constexpr int kBusyTimeoutMs = 60'000;      // many writers, each with a few syncs of the disk
constexpr int kLargestValue = 256 << 20;    // bytes of one text; a store of someone else may claim anything

constexpr const char* kRestoreHint = "restore it from a copy; sqlite3 FILE .recover shows what is left";

// STRICT: a value of the wrong type in a store of someone else is found by the check of the file.
constexpr const char* kSchema = R"(
CREATE TABLE runs(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  started_ns INTEGER NOT NULL,
  version TEXT NOT NULL,
  revision TEXT NOT NULL,
  label TEXT NOT NULL,
  seed INTEGER NOT NULL,
  planned INTEGER NOT NULL,
  environment TEXT NOT NULL) STRICT;
CREATE TABLE run_ends(
  run INTEGER PRIMARY KEY REFERENCES runs(number),
  duration_s REAL NOT NULL) STRICT;
CREATE TABLE scenarios(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run INTEGER NOT NULL REFERENCES runs(number),
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  rig TEXT NOT NULL,
  kernel TEXT NOT NULL,
  repetition INTEGER NOT NULL,
  seed INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  duration_s REAL NOT NULL,
  scenario_sha256 TEXT NOT NULL,
  programs TEXT NOT NULL,
  captures TEXT NOT NULL,
  document TEXT NOT NULL) STRICT;
CREATE INDEX scenarios_of_run ON scenarios(run);
CREATE TABLE samples(
  number INTEGER PRIMARY KEY,
  scenario INTEGER NOT NULL REFERENCES scenarios(number),
  metric TEXT NOT NULL,
  unit TEXT NOT NULL,
  kind TEXT NOT NULL,
  value REAL NOT NULL) STRICT;
CREATE INDEX samples_of_scenario ON samples(scenario);
CREATE TABLE baselines(
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs(number),
  set_ns INTEGER NOT NULL) STRICT;
)";

Error Refused(const std::string& path, std::string why, std::string hint, int code = EINVAL) {
  return Error({.what = "open store",
                .where = path,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = code});
}

// What a store holds besides records. A store of someone else with a trigger in it would do what its author
// wants whenever we write.
std::string SchemaOf(SQLite::Database& database) {
  std::string schema;
  SQLite::Statement rows(database,
                         "SELECT type, name, coalesce(sql, '') FROM sqlite_schema "
                         "WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY name");
  while (rows.executeStep())
    schema += fmt::format("{} {} {}\n", rows.getColumn(0).getString(), rows.getColumn(1).getString(),
                          rows.getColumn(2).getString());
  return schema;
}

std::string OurSchema() {
  SQLite::Database memory(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  memory.exec(kSchema);
  return SchemaOf(memory);
}

int Number(SQLite::Database& database, const char* query) {
  return database.execAndGet(query).getInt();
}

bool IsNew(SQLite::Database& database) {
  return Number(database, "PRAGMA user_version") == 0 && Number(database, "PRAGMA application_id") == 0 &&
         SchemaOf(database).empty();
}

// Whoever comes second finds it made.
void MakeSchema(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  if (!IsNew(database)) return;
  database.exec(kSchema);
  database.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database.exec(fmt::format("PRAGMA user_version = {}", kStoreVersion));
  transaction.commit();
}

void Check(SQLite::Database& database, const std::string& path) {
  if (Number(database, "PRAGMA application_id") != kApplicationId) {
    throw Refused(path, IsNew(database) ? "it is empty" : "an SQLite file, but no store of knetlab",
                  "give another path; knetlab run --store FILE makes a store");
  }
  const int version = Number(database, "PRAGMA user_version");
  if (version != kStoreVersion) {
    throw Refused(
        path, fmt::format("its version is {}, and this knetlab knows version {}", version, kStoreVersion),
        "export it with the knetlab that wrote it (results export --format json), then results merge "
        "the file");
  }
  // A last page that is there in part reads as if the rest were zeros. The file of a store never becomes
  // shorter.
  const auto pages = static_cast<std::uintmax_t>(database.execAndGet("PRAGMA page_count").getInt64());
  const auto page_size = static_cast<std::uintmax_t>(Number(database, "PRAGMA page_size"));
  if (std::filesystem::file_size(database.getFilename()) < pages * page_size)
    throw Refused(path, "truncated or damaged: its end is missing", kRestoreHint, EIO);
  const std::string found = database.execAndGet("PRAGMA quick_check(1)").getString();
  if (found != "ok") {
    throw Refused(path, "truncated or damaged: " + found, kRestoreHint, EIO);
  }
  if (SchemaOf(database) != OurSchema()) {
    throw Refused(path, "its tables are not those of a store of knetlab", "give another path");
  }
}

// Before SQLite sees the path: it would take a name that begins with "file:" for a URI, and a folder's error
// says little.
std::string PlainPath(const std::string& path, Store::Mode mode) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (fs::is_directory(status)) throw Refused(path, "it is a folder", "name a file in it", EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) throw Refused(path, "it is not a file", "");
  if (!fs::exists(status) && mode == Store::Mode::kRead) {
    throw Refused(path, "there is no such file", "knetlab run --store FILE makes a store", ENOENT);
  }
  if (path.empty()) throw Refused(path, "the path is empty", "--store FILE");
  return fs::absolute(path);
}

}  // namespace

Error StoreError(const std::string& what, const std::string& path, const SQLite::Exception& failure) {
  ErrorParts parts{.what = what, .where = path, .why = failure.what(), .hint = "", .detail = "", .code = EIO};
  switch (failure.getErrorCode()) {
    case SQLITE_NOTADB:
      parts.why = "it is no store: not an SQLite file";
      parts.hint = "give another path; knetlab run --store FILE makes a store";
      parts.code = EINVAL;
      break;
    case SQLITE_CORRUPT:
      parts.why = std::string("truncated or damaged: ") + failure.what();
      parts.hint = kRestoreHint;
      break;
    case SQLITE_BUSY:
      parts.why = fmt::format("another process kept it busy for {} s", kBusyTimeoutMs / 1000);
      parts.hint = "fuser FILE tells which";
      parts.code = EBUSY;
      break;
    case SQLITE_FULL:
      parts.hint = "make room on its file system, or name another --store";
      parts.code = ENOSPC;
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      parts.hint = "its folder must be there, and both must be writable";
      parts.code = EACCES;
      break;
    default:
      break;
  }
  return Error(std::move(parts));
}

std::unique_ptr<SQLite::Database> OpenStoreFile(const std::string& path, Store::Mode mode) {
  const std::string plain = PlainPath(path, mode);
  try {
    // Readers too may have to roll back what a killed writer left, so they do not open it read-only.
    const bool write = mode == Store::Mode::kWrite;
    auto database = std::make_unique<SQLite::Database>(
        plain, SQLite::OPEN_READWRITE | (write ? SQLite::OPEN_CREATE : 0), kBusyTimeoutMs);
    sqlite3_limit(database->getHandle(), SQLITE_LIMIT_LENGTH, kLargestValue);
    sqlite3_db_config(database->getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    database->exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON");
    if (write && IsNew(*database)) MakeSchema(*database);
    Check(*database, path);
    if (!write) database->exec("PRAGMA query_only = ON");
    return database;
  } catch (const SQLite::Exception& failure) {
    throw StoreError("open store", path, failure);
  }
}

}  // namespace knetlab
