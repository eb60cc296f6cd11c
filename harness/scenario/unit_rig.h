// SPDX-License-Identifier: Apache-2.0
// The unit rig: every packet through the programs on its way by BPF_PROG_TEST_RUN. No device, no address and
// no socket exists, so `exec`, sockets and what the kernel's stack would do are out of its reach; the order
// of hooks is that of the wire: TC egress of the sending endpoint, then XDP and TC ingress of its peer.
#pragma once

#include "harness/program/test_run.h"
#include "harness/scenario/rig.h"

namespace knetlab {

class UnitRig : public Rig {
 public:
  RigResult Run(const Scenario& scenario, const RigOptions& options, std::stop_token stop) override;
};

// What one packet met at one program.
PacketResult TryOnePacket(const Program& program, const std::string& place, std::span<const std::byte> packet,
                          std::uint64_t index);

}  // namespace knetlab
