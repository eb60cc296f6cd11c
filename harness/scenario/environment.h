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
  std::string version;  // of knetlab
};

Environment ReadEnvironment();

}  // namespace knetlab
