// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/facilities.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "harness/program/libbpf_log.h"
#include "harness/scenario/probes.h"
#include "harness/scenario/requirements.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

struct Entry {
  const char* name;
  bool essential;
  std::string (*probe)(ProbeBench& bench);
  const char* hint;
};

// In the order in which they build on one another, so that the first that fails is the one to look at. Of the
// two modes of XDP generic is the essential one: the wire rig falls back to it.
constexpr Entry kEntries[] = {
    {"bpf-syscall", true, ProbeBpfSyscall, "run as root, on a kernel with CONFIG_BPF_SYSCALL=y"},
    {"btf", true, ProbeBtf, "a kernel with CONFIG_DEBUG_INFO_BTF=y, which gives /sys/kernel/btf/vmlinux"},
    {"jit", false, ProbeJit,
     "sysctl net.core.bpf_jit_enable=1, on a kernel with CONFIG_BPF_JIT=y; costs are not comparable without"},
    {"bpf-stats", false, ProbeBpfStats, "Linux 5.8 or later (BPF_ENABLE_STATS)"},
    {"memlock", false, ProbeMemlock,
     "ulimit -l unlimited, or Linux 5.11 and later, where the memory cgroup counts instead"},
    {"test-run-xdp", true, ProbeTestRunXdp, "Linux 4.12 or later with CONFIG_BPF_SYSCALL=y and CONFIG_NET=y"},
    {"test-run-tc", true, ProbeTestRunTc, "Linux 4.12 or later with CONFIG_NET_CLS_BPF=y or m"},
    {"test-run-socket", true, ProbeTestRunSocket, "Linux 4.16 or later"},
    {"ringbuf", true, ProbeRingBuffer, "Linux 5.8 or later (BPF_MAP_TYPE_RINGBUF)"},
    {"live-frames", false, ProbeLiveFrames, "Linux 5.18 or later (BPF_F_TEST_XDP_LIVE_FRAMES)"},
    {"netns", true, ProbeNamespace,
     "run as root (CAP_SYS_ADMIN), on a kernel with CONFIG_NET_NS=y; in a container: --privileged"},
    {"veth", true, ProbeVeth, "modprobe veth (CONFIG_VETH)"},
    {"ethtool-netlink", true, ProbeEthtoolNetlink, "Linux 5.6 or later with CONFIG_ETHTOOL_NETLINK=y"},
    {"veth-napi", true, ProbeVethNapi, "Linux 5.13 or later: a veth's GRO"},
    {"af-packet", true, ProbeAfPacket, "modprobe af_packet (CONFIG_PACKET)"},
    {"af-xdp", false, ProbeAfXdp, "a kernel with CONFIG_XDP_SOCKETS=y"},
    {"xdp-native", false, ProbeXdpNative,
     "Linux 5.9 or later (XDP links); without it XDP runs in generic mode"},
    {"xdp-generic", true, ProbeXdpGeneric, "Linux 5.9 or later (XDP links)"},
    {"xdp-frags", false, ProbeXdpFrags,
     "Linux 5.18 or later (BPF_F_XDP_HAS_FRAGS); without it keep MTUs below 3506"},
    {"tcx", false, ProbeTcx,
     "Linux 6.6 or later (CONFIG_NET_XGRESS=y); without it TC programs attach through clsact"},
    {"clsact", false, ProbeClsact,
     "modprobe sch_ingress cls_bpf (CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_BPF, CONFIG_NET_CLS_ACT)"},
    {"sk-lookup", false, ProbeSkLookup, "Linux 5.9 or later (CONFIG_INET=y, CONFIG_BPF_SYSCALL=y)"},
    {"sk-reuseport", false, ProbeSkReuseport, "Linux 4.19 or later (CONFIG_INET=y)"},
    {"sockmap", false, ProbeSockmap,
     "a kernel with CONFIG_BPF_STREAM_PARSER=y (CONFIG_NET_SOCK_MSG=y before Linux 5.10)"},
    {"cgroup2", false, ProbeCgroup2,
     "mount -t cgroup2 none /sys/fs/cgroup/unified (make the folder first), or boot with "
     "systemd.unified_cgroup_hierarchy=1"},
    {"sock-ops", false, ProbeSockOps, "cgroup2 mounted, on a kernel with CONFIG_CGROUP_BPF=y"},
    {"cgroup-bpf", false, ProbeCgroupBpf, "cgroup2 mounted, on a kernel with CONFIG_CGROUP_BPF=y"},
    {"netfilter-bpf", false, ProbeNetfilterBpf, "Linux 6.4 or later with CONFIG_NETFILTER_BPF_LINK=y"},
    {"tp-btf", true, ProbeTpBtf, "Linux 5.5 or later with CONFIG_DEBUG_INFO_BTF=y and CONFIG_BPF_EVENTS=y"},
    {"drop-reasons", true, ProbeDropReasons, "Linux 5.17 or later: kfree_skb with a drop reason"},
    {"kallsyms", true, ProbeKallsyms, "run as root with kernel.kptr_restrict below 2 (CONFIG_KALLSYMS=y)"},
    {"membarrier", true, ProbeMembarrier, "a kernel with CONFIG_MEMBARRIER=y, and not booted with nohz_full"},
    {"trampolines", false, ProbeTrampolines,
     "a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y whose security policy allows fentry programs; "
     "nothing of the lab needs it"},
    {"tbf", false, ProbeTbf, "modprobe sch_tbf (CONFIG_NET_SCH_TBF)"},
    {"netem", false, ProbeNetem, "modprobe sch_netem (CONFIG_NET_SCH_NETEM)"},
    {"fq", false, ProbeFq, "modprobe sch_fq (CONFIG_NET_SCH_FQ)"},
    {"bridge", false, ProbeBridge, "modprobe bridge (CONFIG_BRIDGE)"},
    {"bpffs", false, ProbeBpffs, "mount -t bpf bpf /sys/fs/bpf"},
    {"nofile", false, ProbeNofile, "ulimit -Hn 65536, or LimitNOFILE= of the systemd unit"},
    {"qemu", false, ProbeQemu, "apt-get install qemu-system-x86"},
    {"kvm", false, ProbeKvm,
     "modprobe kvm_intel or kvm_amd, with virtualisation on in the firmware; without it virtual machines are "
     "emulated"},
};

Facility Probe(const Entry& entry, ProbeBench& bench) {
  Facility facility;
  facility.name = entry.name;
  facility.essential = entry.essential;
  const LibbpfLog quiet;  // its warnings would go to stderr
  int code = 0;
  try {
    facility.detail = entry.probe(bench);
    facility.works = true;
    return facility;
  } catch (const Error& error) {
    const ErrorParts& parts = error.parts();
    code = parts.code;
    facility.detail = parts.what;
    if (!parts.where.empty()) facility.detail += " " + parts.where;
    if (!parts.why.empty()) facility.detail += ": " + parts.why;
  } catch (const std::exception& failure) {
    facility.detail = failure.what();
  }
  const bool needs_root = (code == EPERM || code == EACCES) && !HasPrivileges();
  facility.hint = needs_root ? "run as root: sudo knetlab doctor" : entry.hint;
  return facility;
}

template <typename Wanted>
std::vector<Facility> ProbeThose(Wanted&& wanted) {
  ProbeBench bench;
  std::vector<Facility> facilities;
  for (const Entry& entry : kEntries) {
    if (wanted(entry)) facilities.push_back(Probe(entry, bench));
  }
  return facilities;
}

}  // namespace

std::vector<Facility> ProbeFacilities() {
  return ProbeThose([](const Entry&) { return true; });
}

std::vector<Facility> ProbeEssentials() {
  return ProbeThose([](const Entry& entry) { return entry.essential; });
}

Facility ProbeFacility(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (name != entry.name) continue;
    ProbeBench bench;
    return Probe(entry, bench);
  }
  throw Error({.what = "probe facility",
               .where = std::string(name),
               .why = "there is none of that name",
               .hint = NearestHint(name, FacilityNames()),
               .detail = "",
               .code = EINVAL});
}

std::vector<std::string> FacilityNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

}  // namespace knetlab
