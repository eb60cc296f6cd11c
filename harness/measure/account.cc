// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/account.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "harness/measure/account_common.h"
#include "harness/measure/counted_account.h"
#include "harness/measure/frame_account.h"
#include "harness/measure/traced_account.h"

namespace knetlab {

void WaitForCpus() {
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

std::string ErrnoName(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

bpf_prog_type TypeOfHook(const HookedProgram& hook) {
  if (hook.hook == "xdp") return BPF_PROG_TYPE_XDP;
  return hook.hook == "socket" ? BPF_PROG_TYPE_SOCKET_FILTER : BPF_PROG_TYPE_SCHED_CLS;
}

std::unique_ptr<Account> OpenAccount(std::shared_ptr<Tracer> tracer, const Topology& topology,
                                     std::vector<HookedProgram> hooks, const AccountOptions& options) {
  if (options.frames) return std::make_unique<FrameAccount>(topology, std::move(hooks));
  if (tracer == nullptr) return std::make_unique<CountedAccount>(topology, std::move(hooks), options);
  return std::make_unique<TracedAccount>(std::move(tracer), topology, std::move(hooks), options);
}

}  // namespace knetlab
