// SPDX-License-Identifier: Apache-2.0
// How people name runs.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "netns/error.h"
#include "results/store.h"

namespace knetlab {
namespace {

constexpr std::size_t kShortestRevision = 7;  // as git shows them

std::vector<StoredRun> Those(const std::vector<StoredRun>& runs, auto wanted) {
  std::vector<StoredRun> found;
  std::copy_if(runs.begin(), runs.end(), std::back_inserter(found), wanted);
  return found;
}

Error NotFound(const std::string& name, const std::string& path, std::string why) {
  return Error({.what = "find run",
                .where = name + " in " + path,
                .why = std::move(why),
                .hint = "knetlab results list shows numbers, ids, labels and revisions",
                .detail = "",
                .code = ENOENT});
}

}  // namespace

std::vector<StoredRun> Store::Find(const std::string& name) {
  const std::vector<StoredRun> runs = Runs();
  if (runs.empty()) throw NotFound(name, path_, "the store has no run");
  if (name == "latest") return {runs.back()};

  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = failure == std::errc{} && end == name.data() + name.size();
  std::vector<StoredRun> found =
      Those(runs, [&](const StoredRun& run) { return is_number && run.number == number; });
  if (!found.empty()) return found;

  for (const Baseline& baseline : Baselines()) {
    if (baseline.name == name)
      return Those(runs, [&](const StoredRun& run) { return run.number == baseline.run; });
  }
  if (name.empty()) throw NotFound("\"\"", path_, "a run needs a name");
  found = Those(runs, [&](const StoredRun& run) { return run.run.label == name; });
  if (!found.empty()) return found;

  found = Those(runs, [&](const StoredRun& run) { return run.run.id.starts_with(name); });
  if (found.size() == 1) return found;
  if (found.size() > 1)
    throw NotFound(name, path_, fmt::format("{} runs have an id that begins so", found.size()));
  found = Those(runs, [&](const StoredRun& run) { return run.run.revision.starts_with(name); });
  const bool one_revision = std::all_of(found.begin(), found.end(), [&](const StoredRun& run) {
    return run.run.revision == found.front().run.revision;
  });
  if (name.size() < kShortestRevision || found.empty()) throw NotFound(name, path_, "there is none");
  if (!one_revision) throw NotFound(name, path_, "several source revisions begin so");
  return found;
}

}  // namespace knetlab
