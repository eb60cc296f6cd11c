// SPDX-License-Identifier: Apache-2.0
// What the results of a run depend on, recorded with them.
#pragma once

#include <string>

namespace knetlab {

struct Environment {
  std::string kernel;   // uname -r
  std::string machine;  // uname -m
  std::string cpu;      // model name
  int cpus = 0;         // online
  std::string jit;      // net.core.bpf_jit_enable: "0", "1", "2"; empty where unknown
  std::string
      mitigations;    // of the CPU's flaws, as the kernel names those in force; they change what a call costs
  std::string clock;  // the kernel's clock source
  std::string governor;  // of the CPU's frequency; empty where nothing governs it, as in most VMs
  std::string version;   // of knetlab
};

Environment ReadEnvironment();

}  // namespace knetlab
