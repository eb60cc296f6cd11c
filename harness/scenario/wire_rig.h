// SPDX-License-Identifier: Apache-2.0
// The wire rig: namespaces, veth pairs, sockets and attached programs of this kernel; real packets, each
// followed to its end.
#pragma once

#include "harness/scenario/rig.h"

namespace knetlab {

class WireRig : public Rig {
 public:
  RigResult Run(const Scenario& scenario, const RigOptions& options, std::stop_token stop) override;
};

}  // namespace knetlab
