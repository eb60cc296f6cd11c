// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/hook_map.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "harness/capture/hook_slots.h"
#include "harness/filter/assembler.h"
#include "harness/program/raw_program.h"
#include "harness/program/verdict.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr const char* kCaptureAtMap = "capture at";
// xdpcap's macro makes 4 slots, from before XDP_REDIRECT; programs of today have 5.
constexpr std::uint32_t kLeast = XDP_TX + 1, kMost = XDP_REDIRECT + 1;

constexpr std::array kNames = {"aborted", "drop", "pass", "tx", "redirect"};

Error UnfitMap(const std::string& path, std::string why, std::string hint = "", int code = EINVAL) {
  return Error({.what = kCaptureAtMap,
                .where = path,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = code});
}

UniqueFd OpenPinned(const std::string& path) {
  UniqueFd map(bpf_obj_get(path.c_str()));
  if (map) return map;
  const int error = errno;
  if (error == ENOENT) throw ErrnoError(kCaptureAtMap, path, error, "bpftool map pin id N PATH pins a map");
  struct statfs system = {};
  constexpr long kBpfFs = 0xcafe4a11;
  if (::statfs(path.c_str(), &system) == 0 && system.f_type != kBpfFs)
    throw UnfitMap(path, "it is not pinned in a BPF file system", "mount one: mount -t bpf bpf /sys/fs/bpf");
  throw ErrnoError(kCaptureAtMap, path, error);
}

bool IsMap(int fd) {
  std::array<char, 64> kind{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), kind.data(), kind.size());
  return size > 0 && std::string_view(kind.data(), static_cast<std::size_t>(size)) == "anon_inode:bpf-map";
}

// The kernel tells nobody but here whose programs a program array takes.
std::optional<std::uint32_t> OwnerType(int map) {
  std::ifstream file(fmt::format("/proc/self/fdinfo/{}", map));
  std::string key;
  while (file >> key) {
    std::uint32_t value = 0;
    if (key == "owner_prog_type:" && file >> value) return value;
  }
  return std::nullopt;
}

std::uint32_t VerdictByName(const std::string& text, const std::string& path) {
  std::string name = text;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.rfind("xdp_", 0) == 0) name.erase(0, 4);
  for (std::uint32_t code = 0; code < kNames.size(); ++code) {
    if (name == kNames[code] || name == std::to_string(code)) return code;
  }
  throw UnfitMap(path, fmt::format("\"{}\" is not a verdict of XDP", text),
                 NearestHint(name, {kNames.begin(), kNames.end()}));
}

// What the slot's capture program would return, and nothing else.
RawProgram LoadTrial(std::uint32_t verdict, const ProgramKind& kind) {
  Assembler a;
  a.Mov(R0, static_cast<std::int32_t>(verdict));
  a.Exit();
  const Code code = a.Finish();
  return RawProgram::Load({.name = std::string(kCaptureProgramName),
                           .type = kind.type,
                           .expected_attach_type = kind.attach_type,
                           .has_frags = kind.frags,
                           .instructions = code.instructions});
}

class HookPlacement : public Placement {
 public:
  HookPlacement(std::shared_ptr<const UniqueFd> map, std::uint32_t slot, const std::string& name,
                const RawProgram& program)
      : map_(std::move(map)), slot_(slot), id_(program.program().id()) {
    const int fd = program.fd();
    if (bpf_map_update_elem(map_->get(), &slot_, &fd, BPF_ANY) != 0)
      throw ErrnoError("put capture program into", fmt::format("the slot of {}", name), errno);
  }
  HookPlacement(const HookPlacement&) = delete;
  HookPlacement& operator=(const HookPlacement&) = delete;
  // Only what is ours: whoever replaced it since keeps his.
  ~HookPlacement() override {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(map_->get(), &slot_, &id) == 0 && id == id_)
      bpf_map_delete_elem(map_->get(), &slot_);
  }

 private:
  std::shared_ptr<const UniqueFd> map_;
  std::uint32_t slot_, id_;
};

}  // namespace

HookMap HookMap::Open(const std::string& path) {
  UniqueFd map = OpenPinned(path);
  if (!IsMap(map.get())) throw UnfitMap(path, "it is pinned, but not a map");
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) throw ErrnoError(kCaptureAtMap, path, errno);
  if (info.type != BPF_MAP_TYPE_PROG_ARRAY)
    throw UnfitMap(path, fmt::format("it is a map of type {}, a hook is a program array", info.type),
                   "bpftool map show pinned PATH");
  if (info.max_entries < kLeast || info.max_entries > kMost)
    throw UnfitMap(path, fmt::format("it has {} slots, a hook has {} or {}, one for each verdict of XDP",
                                     info.max_entries, kLeast, kMost));
  const std::optional<std::uint32_t> owner = OwnerType(map.get());
  if (!owner)
    throw UnfitMap(path, "no program uses it yet",
                   "load the program with this hook first: the first program decides what the hook takes");
  if (*owner != BPF_PROG_TYPE_XDP)
    throw UnfitMap(path, fmt::format("it belongs to a program of type {}, a hook to XDP",
                                     ProgramTypeName(static_cast<bpf_prog_type>(*owner))));
  HookLock lock(info.id, path);
  // Whoever put them there is dead: it would have the lock.
  ClearCapturePrograms(map.get(), info.max_entries);
  return {path, std::move(map), std::move(lock), info.max_entries};
}

// A program array does not tell its owner's attach type and frags flag: a program that goes in has both. What
// libbpf loads for SEC("xdp") and SEC("xdp.frags") comes first, then what other loaders do.
ProgramKind HookMap::FindKind(std::uint32_t slot) const {
  for (const bpf_attach_type attach :
       {BPF_XDP, static_cast<bpf_attach_type>(0), BPF_XDP_CPUMAP, BPF_XDP_DEVMAP}) {
    for (const bool frags : {false, true}) {
      const ProgramKind kind = {.type = BPF_PROG_TYPE_XDP, .attach_type = attach, .frags = frags};
      std::optional<RawProgram> trial;
      try {
        trial = LoadTrial(slot, kind);
      } catch (const Error&) {
        if (!frags) throw;
        continue;  // a kernel without multi-buffer XDP
      }
      const int fd = trial->fd();
      if (bpf_map_update_elem(map_->get(), &slot, &fd, BPF_ANY) == 0) {
        bpf_map_delete_elem(map_->get(), &slot);
        return kind;
      }
      if (errno != EINVAL) throw ErrnoError(kCaptureAtMap, path_, errno);
    }
  }
  throw UnfitMap(path_, "it takes none of the kinds of XDP programs there are");
}

std::vector<CapturePoint> HookMap::Points(const std::vector<std::string>& verdicts) const {
  std::vector<std::uint32_t> codes;
  codes.reserve(verdicts.size());
  for (const std::string& verdict : verdicts) codes.push_back(VerdictByName(verdict, path_));
  if (codes.empty()) {
    for (std::uint32_t code = 0; code < size_; ++code) codes.push_back(code);
  }
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  std::vector<CapturePoint> points;
  for (const std::uint32_t code : codes) {
    const std::string name = VerdictName(BPF_PROG_TYPE_XDP, code);
    if (code >= size_) throw UnfitMap(path_, fmt::format("it has no slot for {}", name));
    if (const auto there = ProgramIn(map_->get(), code)) {
      throw UnfitMap(
          path_,
          fmt::format("its slot for {} holds a program of others: {}, id {}", name, there->name, there->id),
          fmt::format("where it is left over: bpftool map delete pinned {} key {} 0 0 0", path_, code),
          EBUSY);
    }
    points.push_back({.hook = path_,
                      .verdict = name,
                      .code = code,
                      .result = static_cast<std::int32_t>(code),
                      .kind = {},
                      .put = [map = map_, code, name](const RawProgram& program) {
                        return std::make_unique<HookPlacement>(map, code, name, program);
                      }});
  }
  const ProgramKind kind = FindKind(codes.front());
  for (CapturePoint& point : points) point.kind = kind;
  return points;
}

}  // namespace knetlab
