// SPDX-License-Identifier: Apache-2.0
// XDP through a BPF link (Linux 5.9), native where the driver can, else generic.
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "harness/program/libbpf_log.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kAttachXdp = "attach XDP";

// bpf_link_create has no room for the kernel's explanation, netlink has: ask again that way. Should it
// succeed there, it is taken off at once.
std::string KernelsWords(int program_fd, int ifindex, std::uint32_t flags) {
  LibbpfLog log;
  const std::uint32_t careful = flags | XDP_FLAGS_UPDATE_IF_NOEXIST;
  if (bpf_xdp_attach(ifindex, program_fd, careful, nullptr) == 0) bpf_xdp_detach(ifindex, flags, nullptr);
  return log.KernelMessage();
}

std::string Hint(const Program& program, int code, bool native) {
  switch (code) {
    case ERANGE:
      return program.has_frags()
                 ? "lower the MTU"
                 : "the MTU is too large for XDP without frags: lower it (3506 on veth), load the program "
                   "with frags, or use mode generic";
    case EBUSY:
      return "a program is attached there already, perhaps in the other mode: detach it first";
    case EOPNOTSUPP:
      return native ? "the driver has no native XDP: use mode generic" : "";
    case EINVAL:
      return program.expected_attach_type() == BPF_XDP || program.expected_attach_type() == 0
                 ? ""
                 : "the program is meant for the entries of a devmap or cpumap, not for an interface";
    case EPERM:
      return "run as root";
    default:
      return "";
  }
}

struct Outcome {
  UniqueFd link;
  int code = 0;
  std::string words;
};

Outcome Try(const Program& program, int ifindex, std::uint32_t flags) {
  LinkResult result = CreateLink(program.fd(), ifindex, BPF_XDP, flags);
  Outcome outcome{.link = std::move(result.link), .code = result.code, .words = ""};
  if (outcome.code != 0 && outcome.code != EPERM) outcome.words = KernelsWords(program.fd(), ifindex, flags);
  return outcome;
}

}  // namespace

std::unique_ptr<Attachment> AttachXdp(const Program& program, const AttachPoint& point) {
  RequireMode(point, kAttachXdp, {"auto", "native", "generic"});
  return RunAt(point, [&]() -> std::unique_ptr<Attachment> {
    const int ifindex = InterfaceIndex(point, kAttachXdp);
    Outcome failed;
    if (point.mode != "generic") {
      failed = Try(program, ifindex, XDP_FLAGS_DRV_MODE);
      if (failed.link) return std::make_unique<LinkAttachment>(std::move(failed.link), "xdp native");
    }
    // An interface that is taken, or a caller without rights, is so in generic mode too.
    const bool fall_back = point.mode == "auto" && failed.code != EBUSY && failed.code != EPERM;
    if (point.mode == "generic" || fall_back) {
      Outcome generic = Try(program, ifindex, XDP_FLAGS_SKB_MODE);
      if (generic.link) return std::make_unique<LinkAttachment>(std::move(generic.link), "xdp generic");
      if (point.mode == "generic") failed = std::move(generic);
    }
    std::string why = std::generic_category().message(failed.code);
    if (!failed.words.empty()) why += ": " + failed.words;
    throw Error({.what = kAttachXdp,
                 .where = fmt::format("{} at {}", program.name(), Where(point)),
                 .why = std::move(why),
                 .hint = Hint(program, failed.code, point.mode != "generic"),
                 .detail = "",
                 .code = failed.code});
  });
}

}  // namespace knetlab
