// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/loaded_programs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "harness/program/attach.h"
#include "harness/program/verdict.h"
#include "harness/scenario/filter_program.h"
#include "harness/scenario/located_error.h"
#include "harness/scenario/memory_file.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

std::string NamesOf(const std::vector<ProgramInfo>& programs) {
  std::vector<std::string> names;
  names.reserve(programs.size());
  for (const ProgramInfo& info : programs)
    names.push_back(fmt::format("{} ({})", info.name, ProgramTypeName(info.type)));
  return fmt::format("{}", fmt::join(names, ", "));
}

[[noreturn]] void ThrowChoice(const std::string& object, std::string why, std::string hint) {
  throw Error({.what = "choose a program of",
               .where = object,
               .why = std::move(why),
               .hint = std::move(hint),
               .detail = "",
               .code = EINVAL});
}

}  // namespace

bool FitsHook(const ProgramInfo& info, const std::string& kind) {
  const bool tc = info.type == BPF_PROG_TYPE_SCHED_CLS || info.type == BPF_PROG_TYPE_SCHED_ACT;
  if (kind == "auto") return tc || info.type == BPF_PROG_TYPE_XDP || info.type == BPF_PROG_TYPE_SOCKET_FILTER;
  const bpf_prog_type wanted = AttacherFor(kind).program_type;
  return wanted == BPF_PROG_TYPE_SCHED_CLS ? tc : info.type == wanted;
}

ProgramInfo ChooseProgram(const std::string& object, const std::string& wanted, const std::string& label,
                          const std::string& kind) {
  std::vector<ProgramInfo> programs = InspectObject(object);
  for (const std::string& name : {wanted, label}) {
    auto found =
        std::find_if(programs.begin(), programs.end(), [&](const auto& info) { return info.name == name; });
    if (found != programs.end()) return *found;
    if (wanted.empty()) continue;
    std::vector<std::string> names;
    names.reserve(programs.size());
    for (const ProgramInfo& info : programs) names.push_back(info.name);
    std::string nearest = NearestName(wanted, names);
    ThrowChoice(object, fmt::format("no program {}; there are {}", wanted, NamesOf(programs)),
                nearest.empty() ? "" : "did you mean " + nearest + "?");
  }
  if (programs.size() == 1) return programs.front();
  std::vector<ProgramInfo> fitting;
  std::copy_if(programs.begin(), programs.end(), std::back_inserter(fitting),
               [&](const auto& info) { return FitsHook(info, kind); });
  if (fitting.size() == 1) return fitting.front();
  if (programs.empty()) ThrowChoice(object, "it holds no program", "");
  ThrowChoice(object,
              fmt::format("several could be meant: {}", NamesOf(fitting.empty() ? programs : fitting)),
              fmt::format("name one, as {}:{}", object, (fitting.empty() ? programs : fitting).front().name));
}

LoadedPrograms::LoadedPrograms(const std::vector<ProgramSpec>& specs, const EndpointAccess& endpoints,
                               const std::set<std::string>& frags, const std::set<std::string>& instrumented,
                               const std::string& method) {
  InstrumentOptions how;
  if (const auto forced = InstrumentMethodByName(method)) how.methods = {*forced};
  for (const ProgramSpec& spec : specs) {
    WithMark(spec.mark, [&] {
      Load(spec, endpoints, frags.contains(spec.label),
           instrumented.contains(spec.label) ? std::optional(how) : std::nullopt);
    });
  }
}

void LoadedPrograms::Load(const ProgramSpec& spec, const EndpointAccess& endpoints, bool frags,
                          const std::optional<InstrumentOptions>& instrument) {
  const std::string kind = spec.attach.empty() ? "auto" : spec.attach.front().kind;
  // A filter is an object, too, made here and held in memory while it is loaded.
  std::optional<MemoryFile> made;
  if (!spec.filter.empty()) made.emplace("filter", FilterObject(spec, frags));
  const std::string path = made ? made->path() : spec.object;
  ProgramInfo chosen = ChooseProgram(path, spec.program, spec.label, kind);
  LoadOptions options;
  options.programs = {chosen.name};
  options.force_frags = frags;
  options.instrument = instrument;
  if (instrument) options.instrument->programs = {chosen.name};
  if (!spec.type.empty()) {
    options.types[chosen.name] = ProgramTypeByName(spec.type);
  } else if (kind != "auto" &&
             (chosen.type_is_guess ||
              (FitsHook(chosen, kind) && AttacherFor(kind).target == AttachTarget::kEndpoint))) {
    // Also where the section says more than the type: SEC("action") goes to a classifier's hook,
    // SEC("xdp/devmap") to an interface. For a cgroup it says which of its hooks.
    options.types[chosen.name] = AttacherFor(kind).program_type;
  }
  for (const auto& [name, value] : spec.globals) {
    options.globals[name] = [&content = value, &endpoints](std::size_t size) {
      return EncodeValue(content, size, endpoints);
    };
  }
  for (const MapSetup& map : spec.maps) {
    if (map.size) options.map_sizes[map.name] = *map.size;
    if (!map.share_program.empty())
      options.shared_maps[map.name] = at(map.share_program).object.map(map.share_map).fd();
  }
  auto loaded =
      std::make_unique<LoadedProgram>(LoadedProgram{&spec, BpfObject::Load(path, options), nullptr});
  loaded->program = &loaded->object.program(chosen.name);
  for (const MapSetup& setup : spec.maps)
    WriteEntries(loaded->object.map(setup.name), setup.contents, endpoints);
  programs_.push_back(std::move(loaded));
}

const LoadedProgram& LoadedPrograms::at(const std::string& label) const {
  auto found = std::find_if(programs_.begin(), programs_.end(),
                            [&](const auto& loaded) { return loaded->spec->label == label; });
  if (found != programs_.end()) return **found;
  throw Error({.what = "find program",
               .where = label,
               .why = "it is not loaded yet",
               .hint = "declare a program before the ones that share its maps",
               .detail = "",
               .code = ENOENT});
}

}  // namespace knetlab
