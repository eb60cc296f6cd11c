// SPDX-License-Identifier: Apache-2.0
// Attaching a loaded program to a hook. An Attachment ends when it is destroyed, and by itself when the
// process or the namespace ends.
//
// Each kind of hook is an Attacher in a file of its own (attach_xdp.cc, attach_tc.cc, ...); adding one is
// that file and its line in attach.cc. docs/dev-attach-type.md tells how.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/program/object.h"
#include "netns/topology.h"

namespace knetlab {

class Attachment {
 public:
  virtual ~Attachment() = default;
  // Where and how, for people and ledgers: "xdp native", "xdp generic", "tcx ingress", "clsact egress",
  // "socket", "sk_lookup", "sk_reuseport".
  virtual std::string Mode() const = 0;
  // Gives up its end: from now on it does not end with this object, but with the descriptor returned (which
  // this object still closes: hold another of the same), or, of -1, with the namespace.
  virtual int Leave() = 0;
};

// Where to attach. Which members count depends on the kind of hook.
struct AttachPoint {
  const Namespace* ns = nullptr;  // xdp, tc, sk-lookup
  std::string interface = {};     // xdp, tc
  int socket_fd = -1;             // socket; sk-reuseport: one of the group
  int cgroup_fd = -1;             // cgroup-..., sock-ops
  int map_fd = -1;                // sk-skb, sk-msg
  std::string mode = "auto";      // xdp: auto, native, generic; tc: auto, tcx, clsact
};

// What a program is attached to.
enum class AttachTarget { kEndpoint, kSocket, kNamespace, kCgroup, kMap };

struct Attacher {
  std::string_view kind;       // "xdp", "tc-ingress", "sk-lookup", ...: the word in YAML and --hook
  bpf_prog_type program_type;  // what it takes (SCHED_CLS also takes SCHED_ACT)
  AttachTarget target;
  bool has_verdicts;  // decides about each packet, which can be told for each; else about sockets
  bool (*takes)(const Program& program);
  std::unique_ptr<Attachment> (*attach)(const Program& program, const AttachPoint& point);
};

std::span<const Attacher> Attachers();
const Attacher& AttacherFor(std::string_view kind);  // throws Error, with the nearest kind

// Which kind fits a program: by its type, and for TC by "egress" in its section or name. Throws Error where
// none fits.
const Attacher& DefaultAttacher(const Program& program);
// The same before it is loaded, to load it with the hook's type.
const Attacher& DefaultAttacher(const ProgramInfo& program);

}  // namespace knetlab
