// SPDX-License-Identifier: Apache-2.0
#include "harness/program/object.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "harness/program/instrument_harvest.h"
#include "harness/program/instrument_load.h"
#include "harness/program/instrument_section.h"
#include "harness/program/loader.h"
#include "harness/program/object_file.h"
#include "harness/program/program_info.h"
#include "harness/program/program_type.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

template <typename Named>
const Named& Find(const std::vector<Named>& all, std::string_view name, const char* kind,
                  const std::string& path) {
  std::vector<std::string> names;
  for (const Named& one : all) {
    if (one.name() == name) return one;
    names.push_back(one.name());
  }
  throw Error({.what = fmt::format("find {}", kind),
               .where = fmt::format("{}:{}", path, name),
               .why = fmt::format("no loaded {} has this name", kind),
               .hint = NearestHint(name, names),
               .detail = "",
               .code = ENOENT});
}

}  // namespace

std::vector<ProgramInfo> InspectObject(const std::string& path) {
  const ObjectHandle object = OpenObject(ReadObjectFile(path));
  std::vector<ProgramInfo> programs;
  for (const bpf_program* program : ProgramsOf(object.get())) {
    programs.push_back({.name = bpf_program__name(program),
                        .section = bpf_program__section_name(program),
                        .type = TypeCandidates(object.get(), program).front().type,
                        .type_is_guess = bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC,
                        .instructions = bpf_program__insn_cnt(program)});
  }
  return programs;
}

struct BpfObject::Impl {
  std::string path;
  std::string sha256;
  ObjectHandle handle;
  std::vector<Program> programs;
  std::vector<BpfMap> maps;
  std::vector<std::unique_ptr<Instrumentation>> instrumentations;

  void Instrument(const InstrumentOptions& options, const CodeHarvest& harvest);
};

// The plain programs stay: they are what instrumentation is compared with, and their maps are shared.
void BpfObject::Impl::Instrument(const InstrumentOptions& options, const CodeHarvest& harvest) {
  for (const std::string& name : options.programs) Find(programs, name, "program", path);
  Instrumenter instrumenter(options);
  std::map<std::uint32_t, int> replaced;
  for (Program& program : programs) {
    const bool wanted =
        options.programs.empty() ||
        std::find(options.programs.begin(), options.programs.end(), program.name_) != options.programs.end();
    if (!wanted) continue;
    instrumentations.push_back(instrumenter.Instrument(program, harvest.Find(program.name_)));
    program.instrumentation_ = instrumentations.back().get();
    const int fd = Instrumenter::FdOf(*program.instrumentation_);
    if (fd < 0) continue;
    replaced.emplace(program.id_, fd);
    program.fd_ = fd;
    program.id_ = InfoOfProgram(fd, path + ":" + program.name_).id;
  }
  if (replaced.empty()) return;
  for (const BpfMap& map : maps) {
    if (map.type() == BPF_MAP_TYPE_PROG_ARRAY) ReplaceInProgramArray(map.fd(), map.max_entries(), replaced);
  }
}

BpfObject::BpfObject(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BpfObject::BpfObject(BpfObject&&) noexcept = default;
BpfObject& BpfObject::operator=(BpfObject&&) noexcept = default;
BpfObject::~BpfObject() = default;

BpfObject BpfObject::Load(const std::string& path, const LoadOptions& options) {
  ObjectFile file = ReadObjectFile(path);
  std::optional<CodeHarvest> harvest;
  if (options.instrument) {
    AddInstrumentationTypes(file);
    harvest.emplace();
  }
  LoadedObject loaded = Loader(file, options).Load();
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->sha256 = std::move(file.sha256);

  for (const bpf_program* source : ProgramsOf(loaded.handle.get())) {
    if (bpf_program__fd(source) < 0) continue;
    Program program;
    program.name_ = bpf_program__name(source);
    program.section_ = bpf_program__section_name(source);
    program.fd_ = bpf_program__fd(source);
    program.type_ = bpf_program__type(source);
    program.expected_attach_type_ = static_cast<std::uint32_t>(bpf_program__expected_attach_type(source));
    program.has_frags_ =
        program.type_ == BPF_PROG_TYPE_XDP && (bpf_program__flags(source) & BPF_F_XDP_HAS_FRAGS) != 0;
    const bpf_prog_info info = InfoOfProgram(program.fd_, path + ":" + program.name_);
    program.id_ = info.id;
    program.instructions_ = info.xlated_prog_len / sizeof(bpf_insn);
    // The kernel notes when a load begins, and libbpf loads one program after another: each lasts until the
    // next begins.
    if (!impl->programs.empty()) {
      Program& previous = impl->programs.back();
      previous.verified_ns_ = info.load_time - previous.verified_ns_;
    }
    program.verified_ns_ = info.load_time;
    impl->programs.push_back(std::move(program));
  }
  if (!impl->programs.empty()) {
    Program& last = impl->programs.back();
    last.verified_ns_ = loaded.end_ns - last.verified_ns_;
  }

  std::size_t index = 0;
  for (const bpf_map* source : MapsOf(loaded.handle.get())) {
    BpfMap map;
    map.name_ = loaded.map_names[index++];
    map.fd_ = bpf_map__fd(source);
    map.type_ = bpf_map__type(source);
    map.key_size_ = bpf_map__key_size(source);
    map.value_size_ = bpf_map__value_size(source);
    map.max_entries_ = bpf_map__max_entries(source);
    if (map.fd_ >= 0) impl->maps.push_back(std::move(map));
  }
  impl->handle = std::move(loaded.handle);
  if (options.instrument) impl->Instrument(*options.instrument, *harvest);

  BpfObject object(std::move(impl));
  for (const auto& [name, entries] : options.map_contents) {
    const BpfMap& map = object.map(name);
    for (const MapEntry& entry : entries) map.Update(entry);
  }
  return object;
}

const std::string& BpfObject::path() const {
  return impl_->path;
}
const std::string& BpfObject::sha256() const {
  return impl_->sha256;
}
const std::vector<Program>& BpfObject::programs() const {
  return impl_->programs;
}
const Program& BpfObject::program(std::string_view name) const {
  return Find(impl_->programs, name, "program", impl_->path);
}
const std::vector<BpfMap>& BpfObject::maps() const {
  return impl_->maps;
}
const BpfMap& BpfObject::map(std::string_view name) const {
  return Find(impl_->maps, name, "map", impl_->path);
}

}  // namespace knetlab
