// SPDX-License-Identifier: Apache-2.0
// The probes behind facilities.h. Each does the thing, checks that it had its effect, and returns what was
// seen; it throws Error where the facility does not work. The table in facilities.cc names them; adding one
// is a function and a line there.
#pragma once

#include <string>

#include "harness/scenario/probe_bench.h"

namespace knetlab {

// facilities_bpf.cc: what needs the bpf system call alone.
std::string ProbeBpfSyscall(ProbeBench& bench);
std::string ProbeBtf(ProbeBench& bench);
std::string ProbeJit(ProbeBench& bench);
std::string ProbeBpfStats(ProbeBench& bench);
std::string ProbeTestRunXdp(ProbeBench& bench);
std::string ProbeTestRunTc(ProbeBench& bench);
std::string ProbeTestRunSocket(ProbeBench& bench);
std::string ProbeLiveFrames(ProbeBench& bench);
std::string ProbeRingBuffer(ProbeBench& bench);
std::string ProbeMemlock(ProbeBench& bench);

// facilities_tracing.cc
std::string ProbeTpBtf(ProbeBench& bench);
std::string ProbeTrampolines(ProbeBench& bench);
std::string ProbeDropReasons(ProbeBench& bench);
std::string ProbeKallsyms(ProbeBench& bench);

// facilities_hooks.cc: where programs are attached.
std::string ProbeXdpNative(ProbeBench& bench);
std::string ProbeXdpGeneric(ProbeBench& bench);
std::string ProbeXdpFrags(ProbeBench& bench);
std::string ProbeTcx(ProbeBench& bench);
std::string ProbeClsact(ProbeBench& bench);
std::string ProbeSkLookup(ProbeBench& bench);
std::string ProbeSkReuseport(ProbeBench& bench);
std::string ProbeSockmap(ProbeBench& bench);
std::string ProbeSockOps(ProbeBench& bench);
std::string ProbeCgroupBpf(ProbeBench& bench);
std::string ProbeNetfilterBpf(ProbeBench& bench);

// facilities_net.cc: namespaces, links, qdiscs, sockets.
std::string ProbeNamespace(ProbeBench& bench);
std::string ProbeVeth(ProbeBench& bench);
std::string ProbeEthtoolNetlink(ProbeBench& bench);
std::string ProbeVethNapi(ProbeBench& bench);
std::string ProbeTbf(ProbeBench& bench);
std::string ProbeNetem(ProbeBench& bench);
std::string ProbeFq(ProbeBench& bench);
std::string ProbeBridge(ProbeBench& bench);
std::string ProbeAfPacket(ProbeBench& bench);
std::string ProbeAfXdp(ProbeBench& bench);

// facilities_system.cc: mounts, limits, virtual machines.
std::string ProbeBpffs(ProbeBench& bench);
std::string ProbeCgroup2(ProbeBench& bench);
std::string ProbeNofile(ProbeBench& bench);
std::string ProbeMembarrier(ProbeBench& bench);
std::string ProbeQemu(ProbeBench& bench);
std::string ProbeKvm(ProbeBench& bench);

}  // namespace knetlab
