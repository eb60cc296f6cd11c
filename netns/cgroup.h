// SPDX-License-Identifier: Apache-2.0
// A cgroup (version 2) of the lab's own: what is opened or run in it meets the programs that are attached to
// it.
//
//   Cgroup cgroup("server");
//   UniqueFd socket = cgroup.OpenSocket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
//
// It is a folder, which the kernel does not remove by itself: its name carries the owner's pid and start
// time, so that a later run can tell what a dead owner left.
#pragma once

#include <string>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

class Cgroup {
 public:
  // Below the mount of cgroup2. `label` is for people, and for errors. Throws Error.
  explicit Cgroup(const std::string& label);
  ~Cgroup();  // kills what is still in it
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  int fd() const { return folder_.get(); }
  const std::string& path() const { return path_; }
  // Who writes "0" to it is in the cgroup from then on. For a child between fork and exec.
  int procs_fd() const { return procs_.get(); }

  // As ::socket(), in the caller's namespace. A socket belongs for ever to the cgroup of whoever made it: a
  // short-lived process in the cgroup, that shares the caller's descriptors, makes it. Any thread. Throws
  // Error.
  UniqueFd OpenSocket(int family, int type, int protocol) const;

 private:
  std::string path_;
  UniqueFd folder_, procs_;
};

// Where cgroup2 is mounted; empty where it is not.
std::string Cgroup2Mount();
// Removes what dead owners left. Returns the paths removed.
std::vector<std::string> SweepCgroups();

}  // namespace knetlab
