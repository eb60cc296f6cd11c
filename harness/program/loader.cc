// SPDX-License-Identifier: Apache-2.0
#include "harness/program/loader.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string_view>

#include "harness/program/globals.h"
#include "harness/program/verdict.h"
#include "harness/program/verifier_hint.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

std::uint64_t BootTimeNs() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::vector<std::string> Names(const std::vector<bpf_program*>& programs) {
  std::vector<std::string> names;
  names.reserve(programs.size());
  for (const bpf_program* program : programs) names.emplace_back(bpf_program__name(program));
  return names;
}

void RequireName(const std::string& name, const std::vector<std::string>& names, const char* kind,
                 const std::string& path) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw Error({.what = fmt::format("find {}", kind),
               .where = path + ":" + name,
               .why = fmt::format("the object has no {} of this name", kind),
               .hint = NearestHint(name, names),
               .detail = "",
               .code = ENOENT});
}

// Type and layout must be the same, or the verifier would judge the programs by one map and run them on
// another.
void ShareMap(bpf_map* map, int fd, const std::string& where) {
  bpf_map_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) throw ErrnoError("share map", where, errno);
  if (info.type != static_cast<std::uint32_t>(bpf_map__type(map)) ||
      info.key_size != bpf_map__key_size(map) || info.value_size != bpf_map__value_size(map)) {
    throw Error({.what = "share map",
                 .where = where,
                 .why = fmt::format(
                     "the other map has type {}, keys of {} and values of {} bytes; this one {}, {} and {}",
                     info.type, info.key_size, info.value_size, static_cast<int>(bpf_map__type(map)),
                     bpf_map__key_size(map), bpf_map__value_size(map)),
                 .hint = "",
                 .detail = "",
                 .code = EINVAL});
  }
  if (bpf_map__reuse_fd(map, fd) != 0) throw ErrnoError("share map", where, errno);
}

}  // namespace

LoadedObject Loader::Load() {
  for (;;) {
    LoadedObject object;
    std::optional<Failure> failure = Attempt(object);
    if (!failure) return object;
    if (!Learn(*failure)) throw ToError(*failure);
  }
}

std::optional<Loader::Failure> Loader::Attempt(LoadedObject& object) {
  object.handle = OpenObject(file_);
  for (const bpf_map* map : MapsOf(object.handle.get())) object.map_names.emplace_back(bpf_map__name(map));
  if (chosen_.empty()) ChoosePrograms(object);
  LibbpfLog log;
  const VerifierLogBuffer verifier_log;
  PreparePrograms(object.handle.get(), verifier_log);
  PrepareMaps(object);
  SetGlobals(object.handle.get(), options_.globals, file_.path);
  const int code = -bpf_object__load(object.handle.get());
  object.end_ns = BootTimeNs();
  if (code == 0) return std::nullopt;
  return Explain(object, code, log, verifier_log);
}

void Loader::ChoosePrograms(const LoadedObject& object) {
  const std::vector<bpf_program*> programs = ProgramsOf(object.handle.get());
  const std::vector<std::string> names = Names(programs);
  for (const auto& [name, type] : options_.types) RequireName(name, names, "program", file_.path);
  for (const std::string& name : options_.programs) RequireName(name, names, "program", file_.path);
  chosen_.insert(options_.programs.begin(), options_.programs.end());
  for (const bpf_program* program : programs) {
    // SEC("?...") asks not to be loaded with the others.
    const std::string name = bpf_program__name(program);
    if (options_.programs.empty() && bpf_program__autoload(program)) chosen_.insert(name);
    if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC) {
      candidates_[name] = TypeCandidates(object.handle.get(), program);
    }
  }
}

void Loader::PreparePrograms(bpf_object* object, const VerifierLogBuffer& verifier_log) {
  for (bpf_program* program : ProgramsOf(object)) {
    const std::string name = bpf_program__name(program);
    bpf_program__set_autoload(program, chosen_.contains(name));
    bpf_program__set_log_buf(program, verifier_log.data(), verifier_log.size());
    if (const auto type = options_.types.find(name); type != options_.types.end()) {
      // A program written for devmap or cpumap entries is meant to run on an interface where its type is
      // given.
      if (type->second != bpf_program__type(program) || type->second == BPF_PROG_TYPE_XDP) {
        bpf_program__set_type(program, type->second);
        bpf_program__set_expected_attach_type(program,
                                              static_cast<bpf_attach_type>(DefaultAttachType(type->second)));
      }
    } else if (const auto guess = candidates_.find(name); guess != candidates_.end()) {
      bpf_program__set_type(program, guess->second.front().type);
      bpf_program__set_expected_attach_type(program,
                                            static_cast<bpf_attach_type>(guess->second.front().attach_type));
    }
    const bool frags =
        options_.force_frags || std::string_view(bpf_program__section_name(program)).starts_with("xdp.frags");
    if (bpf_program__type(program) == BPF_PROG_TYPE_XDP && frags) {
      bpf_program__set_flags(program, bpf_program__flags(program) | BPF_F_XDP_HAS_FRAGS);
    }
  }
}

void Loader::PrepareMaps(const LoadedObject& object) {
  const std::vector<bpf_map*> maps = MapsOf(object.handle.get());
  for (const auto& [name, size] : options_.map_sizes) RequireName(name, object.map_names, "map", file_.path);
  for (const auto& [name, entries] : options_.map_contents)
    RequireName(name, object.map_names, "map", file_.path);
  for (const auto& [name, fd] : options_.shared_maps) RequireName(name, object.map_names, "map", file_.path);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::string& name = object.map_names[i];
    const std::string where = file_.path + ":" + name;
    if (skipped_maps_.contains(name)) bpf_map__set_autocreate(maps[i], false);
    if (const auto size = options_.map_sizes.find(name); size != options_.map_sizes.end()) {
      if (bpf_map__set_max_entries(maps[i], size->second) != 0)
        throw ErrnoError("set the size of map", where, errno);
    }
    if (const auto shared = options_.shared_maps.find(name); shared != options_.shared_maps.end()) {
      ShareMap(maps[i], shared->second, where);
    }
  }
}

// libbpf says only in its messages which program or map it was; the names are looked for, never taken from
// there.
Loader::Failure Loader::Explain(const LoadedObject& object, int code, const LibbpfLog& log,
                                const VerifierLogBuffer& verifier) const {
  Failure failure;
  failure.code = code;
  failure.verifier_log = verifier.Text();
  failure.messages = log.Text();
  failure.reason = log.Reason();
  for (const std::string& line : log.lines()) {
    for (const bpf_program* program : ProgramsOf(object.handle.get())) {
      const std::string name = bpf_program__name(program);
      if (line.starts_with(fmt::format("prog '{}': ", name))) failure.program = name;
      if (line.find(fmt::format("] to prog '{}' fd=-", name)) != line.npos && !chosen_.contains(name)) {
        failure.slot_program = name;
      }
    }
    for (const std::string& name : object.map_names) {
      if (line.starts_with(fmt::format("map '{}': failed to create: ", name))) failure.map = name;
    }
  }
  return failure;
}

bool Loader::Learn(const Failure& failure) {
  if (!failure.slot_program.empty()) return chosen_.insert(failure.slot_program).second;
  const bool may_be_unneeded =
      !options_.shared_maps.contains(failure.map) && !options_.map_contents.contains(failure.map);
  if (!failure.map.empty() && !options_.programs.empty() && may_be_unneeded && failure.code != EPERM) {
    first_refusals_.emplace("map " + failure.map, failure);
    return skipped_maps_.insert(failure.map).second;
  }
  const auto guess = candidates_.find(failure.program);
  if (guess == candidates_.end() || options_.types.contains(failure.program) || failure.code == EPERM)
    return false;
  first_refusals_.emplace(failure.program, failure);
  if (guess->second.size() == 1) return false;
  guess->second.erase(guess->second.begin());
  return true;
}

Error Loader::ToError(const Failure& last) const {
  // With a guessed type the first refusal, of the likeliest type, says most.
  const auto first = first_refusals_.find(last.program);
  const Failure& failure = first != first_refusals_.end() ? first->second : last;
  ErrorParts parts{.what = "load BPF object",
                   .where = file_.path,
                   .why = "",
                   .hint = "",
                   .detail = failure.messages,
                   .code = failure.code};
  if (!failure.program.empty()) {
    parts.what = "load program";
    parts.where += ":" + failure.program;
  }
  const std::string errno_text = std::generic_category().message(failure.code);
  parts.why = failure.reason.empty() ? errno_text : failure.reason;
  if (!failure.verifier_log.empty()) {
    VerifierRefusal refusal = ReportVerifierLog(failure.program, file_.sha256, failure.verifier_log);
    parts.why = std::move(refusal.reason);
    parts.detail = std::move(refusal.detail);
  }
  if (failure.code == EPERM && failure.verifier_log.empty()) {
    parts.hint = "loading needs root, or CAP_BPF with CAP_NET_ADMIN and, for tracing, CAP_PERFMON";
  } else if (first != first_refusals_.end() && candidates_.contains(failure.program)) {
    parts.hint = "its section name does not tell its type, which was guessed: give the type";
  } else if (const auto map =
                 std::find_if(first_refusals_.begin(), first_refusals_.end(),
                              [](const auto& refusal) { return refusal.first.starts_with("map "); });
             map != first_refusals_.end()) {
    parts.hint = map->second.reason;
  } else if (!failure.verifier_log.empty()) {
    parts.hint = VerifierHint(parts.why);
  }
  return Error(std::move(parts));
}

}  // namespace knetlab
