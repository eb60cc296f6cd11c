// SPDX-License-Identifier: Apache-2.0
// Programs that find the socket for what comes to a namespace (sk_lookup, Linux 5.9), as BPF links.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kAttachSkLookup = "attach sk_lookup program";

}  // namespace

std::unique_ptr<Attachment> AttachSkLookup(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachSkLookup, "sk-lookup");
  RequireMode(point, kAttachSkLookup, {"auto"});
  return RunAt(point, [&] {
    const UniqueFd ns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!ns) throw ErrnoError(kAttachSkLookup, "/proc/thread-self/ns/net", errno);
    LinkResult made = CreateLink(program.fd(), ns.get(), BPF_SK_LOOKUP, 0);
    if (!made.link) {
      const char* hint =
          made.code == E2BIG ? "the namespace has 64 already" : "needs Linux 5.9 and CAP_NET_ADMIN";
      throw ErrnoError(
          kAttachSkLookup,
          point.ns == nullptr ? program.name() : fmt::format("{} to {}", program.name(), point.ns->label()),
          made.code, hint);
    }
    return std::make_unique<LinkAttachment>(std::move(made.link), "sk_lookup");
  });
}

}  // namespace knetlab
