// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/punctual.h"

#include <bpf/btf.h>
#include <sched.h>
#include <sys/resource.h>

#include <cmath>
#include <memory>
#include <string_view>

namespace knetlab {
namespace {

constexpr int kMostUrgent = -20;

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};

// By a member that came with it.
bool HasFairServer() {
  static const bool has = [] {
    const std::unique_ptr<btf, BtfDeleter> types(btf__load_vmlinux_btf());
    if (!types) return false;
    const int id = btf__find_by_name_kind(types.get(), "sched_dl_entity", BTF_KIND_STRUCT);
    if (id < 0) return false;
    const btf_type* type = btf__type_by_id(types.get(), static_cast<__u32>(id));
    const btf_member* members = btf_members(type);
    for (int i = 0; i < btf_vlen(type); i++) {
      const char* name = btf__name_by_offset(types.get(), members[i].name_off);
      if (name != nullptr && std::string_view(name) == "dl_defer") return true;
    }
    return false;
  }();
  return has;
}

bool HasOtherCpu() {
  cpu_set_t allowed;
  return ::sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) > 1;
}

}  // namespace

std::uint64_t RealTimeAfterNs(double duration_ns) {
  constexpr double kSecond = 1e9, kUndisturbed = 0.9e9;
  if (duration_ns < kUndisturbed) return 0;
  return static_cast<std::uint64_t>(std::fmod(duration_ns - kSecond / 2, kSecond));
}

void RunBeforeOthers(pid_t thread, bool real_time) {
  const sched_param lowest{.sched_priority = 1};  // of the real-time ones
  if (real_time && HasOtherCpu() && HasFairServer() && ::sched_setscheduler(thread, SCHED_FIFO, &lowest) == 0)
    return;
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), kMostUrgent));
}

}  // namespace knetlab
