// SPDX-License-Identifier: Apache-2.0
// A hook of others: a pinned program array as xdpcap defined it. The XDP program that owns it ends with
// `bpf_tail_call(ctx, &hook, verdict); return verdict;`, and whoever captures puts a program into the
// verdict's slot.
//
//   HookMap hook = HookMap::Open("/sys/fs/bpf/hook");
//   for (const CapturePoint& point : hook.Points({"drop", "pass"})) session.Add(point);
//
// One capture at a time: it is held by a lock below /run/knetlab/captures, and what a killed capture left in
// the hook is taken out by the next one, or by ClearDeadCaptures(). Throws Error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/capture/capture_point.h"
#include "netns/fd.h"

namespace knetlab {

// The lock of one hook map, by the map's id. Gone with the process, however it ends.
class HookLock {
 public:
  // Throws Error, with the pid of the capture that has it.
  HookLock(std::uint32_t map_id, const std::string& hook);
  ~HookLock();
  HookLock(HookLock&& other) noexcept;
  HookLock& operator=(HookLock&&) = delete;

 private:
  std::string path_;
  UniqueFd file_;
};

class HookMap {
 public:
  // Throws Error: no map, not a program array, the wrong size, no program that uses it, in use.
  static HookMap Open(const std::string& path);

  // Of these verdicts, in the order of their codes: "pass", "XDP_PASS" or their number; none: all that the
  // hook has. Throws Error: no such verdict, a slot that holds somebody else's program.
  std::vector<CapturePoint> Points(const std::vector<std::string>& verdicts) const;

 private:
  HookMap(std::string path, UniqueFd map, HookLock lock, std::uint32_t size)
      : path_(std::move(path)),
        map_(std::make_shared<const UniqueFd>(std::move(map))),
        lock_(std::move(lock)),
        size_(size) {}
  ProgramKind FindKind(std::uint32_t slot) const;

  std::string path_;
  std::shared_ptr<const UniqueFd> map_;  // with the placements
  HookLock lock_;
  std::uint32_t size_;
};

// Takes programs that killed captures left out of the hooks of others. Returns how many. Throws Error.
std::size_t ClearDeadCaptures();

}  // namespace knetlab
