// SPDX-License-Identifier: Apache-2.0
// Named namespaces that were kept on purpose (`--keep`, `topology up`): the only thing of the lab that the
// kernel does not remove by itself. Each carries its owner's pid and start time in a file below /run/knetlab,
// so that a later run can tell what is abandoned. The owner of a kept lab with programs is a process that
// only holds these (holder.h), and ends with the names.
#pragma once

#include <string>
#include <vector>

namespace knetlab {

struct KeptNamespace {
  std::string name;      // below /run/netns
  std::string topology;  // the prefix it was kept under
  int owner_pid = 0;
  bool owner_alive = false;  // the pid lives and has the same start time
  bool on_purpose = false;   // kept until `topology down` or `clean`; else swept once the owner is dead
};

std::vector<KeptNamespace> ListKept();
// Removes a topology's names. Returns how many; 0 where there is none of that name.
int RemoveKept(const std::string& topology);
// Removes what a dead owner left that was not kept on purpose; with `all`, everything. Returns the names
// removed.
std::vector<std::string> SweepKept(bool all);

}  // namespace knetlab
