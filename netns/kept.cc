// SPDX-License-Identifier: Apache-2.0
#include "netns/kept.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "netns/error.h"
#include "netns/fd.h"
#include "netns/holder.h"
#include "netns/keep.h"
#include "netns/process_start.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames = "/run/netns";                 // shared with iproute2
constexpr const char* kRecords = "/run/knetlab/namespaces";  // one file a name, mode 0600

struct Record {
  std::string topology;
  int pid = 0;
  unsigned long long start_time = 0;
  bool on_purpose = false;
  bool holder = false;  // the owner is there only to hold what was kept
};

bool SafeName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\n') == std::string::npos && name.size() <= NAME_MAX;
}

std::optional<Record> ReadRecord(const fs::path& path) {
  std::ifstream file(path);
  Record record;
  std::string key;
  while (file >> key) {
    if (key == "topology") {
      file >> record.topology;
    } else if (key == "pid") {
      file >> record.pid;
    } else if (key == "start_time") {
      file >> record.start_time;
    } else if (key == "on_purpose") {
      file >> record.on_purpose;
    } else if (key == "holder") {
      file >> record.holder;
    }
  }
  if (record.pid <= 0 || !SafeName(record.topology)) return std::nullopt;
  return record;
}

void MakePrivateFolder(const char* path) {
  if (::mkdir(path, 0700) != 0 && errno != EEXIST) throw ErrnoError("make folder", path, errno);
  struct stat status = {};
  // Somebody else's folder or a link of that name would let them say what is removed.
  if (::lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
    throw ErrnoError("use folder", path, EPERM, "it must be a folder of the user who runs knetlab");
  }
}

void WriteRecord(const std::string& name, const Record& record) {
  const std::string path = fmt::format("{}/{}", kRecords, name);
  // Complete or not there: written under another name (a dot is skipped by ListKept), then renamed.
  const std::string unfinished = fmt::format("{}/.{}.{}", kRecords, name, record.pid);
  ::unlink(unfinished.c_str());
  const UniqueFd fd(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const std::string text =
      fmt::format("topology {}\npid {}\nstart_time {}\non_purpose {}\nholder {}\n", record.topology,
                  record.pid, record.start_time, record.on_purpose ? 1 : 0, record.holder ? 1 : 0);
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(unfinished.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(unfinished.c_str());
    throw ErrnoError("write record", path, error);
  }
}

// As iproute2 prepares it: a shared mount of its own, so that a name removed in one mount namespace goes away
// in the others.
void PrepareNames() {
  if (::mkdir(kNames, 0755) != 0 && errno != EEXIST) throw ErrnoError("make folder", kNames, errno);
  if (::mount("", kNames, "none", MS_SHARED | MS_REC, nullptr) == 0) return;
  if (errno != EINVAL) throw ErrnoError("share mount", kNames, errno);
  if (::mount(kNames, kNames, "none", MS_BIND | MS_REC, nullptr) != 0)
    throw ErrnoError("mount", kNames, errno);
  if (::mount("", kNames, "none", MS_SHARED | MS_REC, nullptr) != 0)
    throw ErrnoError("share mount", kNames, errno);
}

// Ends the process that holds what was kept, and waits until it is gone. By descriptor: the number may be
// another's by now, whose start time differs.
void EndHolder(const Record& record) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, record.pid, 0)));
  if (!process || ProcessStart(record.pid) != record.start_time) return;
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0) return;
  constexpr int kPatienceMs = 5000;
  pollfd gone = {.fd = process.get(), .events = POLLIN, .revents = 0};
  ::poll(&gone, 1, kPatienceMs);
}

void RemoveName(const std::string& name) {
  const std::string path = fmt::format("{}/{}", kNames, name);
  if (const auto record = ReadRecord(fmt::format("{}/{}", kRecords, name)); record && record->holder)
    EndHolder(*record);
  ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  ::unlink(path.c_str());
  ::unlink(fmt::format("{}/{}", kRecords, name).c_str());
}

void GiveName(const Namespace& ns, const std::string& name, const Record& record) {
  const std::string path = fmt::format("{}/{}", kNames, name);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (!file) {
    throw ErrnoError(
        "keep namespace", name, errno,
        errno == EEXIST ? fmt::format("remove it: knetlab topology down {}", record.topology) : "");
  }
  try {
    WriteRecord(name, record);
    const std::string source = fmt::format("/proc/thread-self/fd/{}", ns.fd());
    if (::mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0)
      throw ErrnoError("keep namespace", name, errno);
  } catch (...) {
    RemoveName(name);
    throw;
  }
}

}  // namespace

void KeepNamespaces(const std::vector<Namespace>& namespaces, const std::string& prefix, bool on_purpose,
                    const std::vector<int>& descriptors) {
  if (!SafeName(prefix) || prefix[0] == '.' || prefix.find_first_of(" \t") != std::string::npos) {
    throw ErrnoError("keep namespaces", fmt::format("'{}'", prefix), EINVAL,
                     "the name becomes part of a file name");
  }
  MakePrivateFolder("/run/knetlab");
  MakePrivateFolder(kRecords);
  PrepareNames();
  const int owner = descriptors.empty() ? ::getpid() : StartHolder(descriptors);
  const Record record = {.topology = prefix,
                         .pid = owner,
                         .start_time = ProcessStart(owner),
                         .on_purpose = on_purpose,
                         .holder = !descriptors.empty()};
  std::vector<std::string> named;
  try {
    for (const Namespace& ns : namespaces) {
      const std::string name = fmt::format("{}-{}", prefix, ns.label());
      GiveName(ns, name, record);
      named.push_back(name);
    }
  } catch (...) {
    for (const std::string& name : named) RemoveName(name);
    if (record.holder) EndHolder(record);
    throw;
  }
}

std::vector<KeptNamespace> ListKept() {
  std::vector<KeptNamespace> kept;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(kRecords, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name[0] == '.') continue;
    const auto record = ReadRecord(entry.path());
    if (!record) continue;
    const unsigned long long start = ProcessStart(record->pid);
    kept.push_back({.name = name,
                    .topology = record->topology,
                    .owner_pid = record->pid,
                    .owner_alive = start != 0 && start == record->start_time,
                    .on_purpose = record->on_purpose});
  }
  std::sort(kept.begin(), kept.end(),
            [](const KeptNamespace& a, const KeptNamespace& b) { return a.name < b.name; });
  return kept;
}

int RemoveKept(const std::string& topology) {
  int removed = 0;
  for (const KeptNamespace& kept : ListKept()) {
    if (kept.topology != topology) continue;
    RemoveName(kept.name);
    ++removed;
  }
  return removed;
}

std::vector<std::string> SweepKept(bool all) {
  std::vector<std::string> removed;
  for (const KeptNamespace& kept : ListKept()) {
    if (!all && (kept.owner_alive || kept.on_purpose)) continue;
    RemoveName(kept.name);
    removed.push_back(kept.name);
  }
  return removed;
}

}  // namespace knetlab
