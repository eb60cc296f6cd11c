// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "harness/program/object.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kPerCpuAlignment = 8;

std::size_t PossibleCpus() {
  const int count = libbpf_num_possible_cpus();
  if (count < 1) throw ErrnoError("count", "possible CPUs", -count);
  return static_cast<std::size_t>(count);
}

// Where an element's bytes lie in what the kernel copies: one after another for each CPU, or once.
struct ValueLayout {
  std::size_t copies = 1;
  std::size_t stride = 0;
  std::size_t size() const { return copies * stride; }
};

ValueLayout LayoutOf(const BpfMap& map) {
  if (!map.per_cpu()) return {.copies = 1, .stride = map.value_size()};
  const std::size_t stride = (map.value_size() + kPerCpuAlignment - 1) / kPerCpuAlignment * kPerCpuAlignment;
  return {.copies = PossibleCpus(), .stride = stride};
}

void CheckSize(const BpfMap& map, const char* what, std::size_t given, std::size_t expected) {
  if (given == expected) return;
  throw Error({.what = "use map",
               .where = map.name(),
               .why = fmt::format("a {} of {} bytes given, the map has {}", what, given, expected),
               .hint = "",
               .detail = "",
               .code = EINVAL});
}

}  // namespace

bool BpfMap::per_cpu() const {
  return type_ == BPF_MAP_TYPE_PERCPU_HASH || type_ == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type_ == BPF_MAP_TYPE_LRU_PERCPU_HASH || type_ == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

std::optional<std::vector<std::byte>> BpfMap::Lookup(const std::vector<std::byte>& key) const {
  CheckSize(*this, "key", key.size(), key_size_);
  std::vector<std::byte> value(LayoutOf(*this).size());
  if (bpf_map_lookup_elem(fd_, key.data(), value.data()) == 0) return value;
  if (errno == ENOENT) return std::nullopt;
  throw ErrnoError("read map", name_, errno);
}

void BpfMap::Update(const MapEntry& entry) const {
  CheckSize(*this, "key", entry.key.size(), key_size_);
  CheckSize(*this, "value", entry.value.size(), value_size_);
  const ValueLayout layout = LayoutOf(*this);
  std::vector<std::byte> value(layout.size());
  for (std::size_t i = 0; i < layout.copies; ++i) {
    std::copy(entry.value.begin(), entry.value.end(),
              value.begin() + static_cast<std::ptrdiff_t>(i * layout.stride));
  }
  if (bpf_map_update_elem(fd_, entry.key.data(), value.data(), BPF_ANY) != 0) {
    throw ErrnoError("write map", name_, errno,
                     errno == E2BIG ? fmt::format("it holds at most {} entries", max_entries_) : "");
  }
}

std::vector<MapEntry> BpfMap::Dump(std::size_t limit) const {
  std::vector<MapEntry> entries;
  std::vector<std::byte> key(key_size_);
  const std::byte* previous = nullptr;
  // A map that changes meanwhile can send the walk back to its start: no more steps than could be of use.
  for (std::size_t steps = 0; entries.size() < limit && steps < 2 * std::size_t{max_entries_}; ++steps) {
    std::vector<std::byte> next(key_size_);
    if (bpf_map_get_next_key(fd_, previous, next.data()) != 0) {
      if (errno == ENOENT) break;
      throw ErrnoError("list map", name_, errno, "this type of map cannot be listed");
    }
    key = std::move(next);
    previous = key.data();
    if (auto value = Lookup(key)) entries.push_back({.key = key, .value = std::move(*value)});
  }
  return entries;
}

}  // namespace knetlab
