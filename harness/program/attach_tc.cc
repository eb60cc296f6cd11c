// SPDX-License-Identifier: Apache-2.0
// TC programs: TCX links where the kernel has them (Linux 6.6), else a clsact qdisc with cls_bpf in direct
// action.
//
// The two differ for verdicts beyond TC_ACT_OK, SHOT and REDIRECT: TCX lets STOLEN, QUEUED and TRAP pass on,
// clsact takes the packet. Mode "clsact" is there for programs that rely on it.
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "harness/program/attach_common.h"
#include "harness/program/libbpf_log.h"
#include "harness/program/program_type.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kAttachTc = "attach TC program";

// A cls_bpf filter. It is not bound to a descriptor, so taking it off needs the namespace again: the
// attachment keeps that alive, and enters it on a thread of its own. The clsact qdisc stays, since others may
// have come to use it.
class ClsactAttachment : public Attachment {
 public:
  ClsactAttachment(UniqueFd ns, const bpf_tc_hook& hook, const bpf_tc_opts& filter, std::string mode)
      : ns_(std::move(ns)), hook_(hook), mode_(std::move(mode)) {
    filter_.sz = sizeof(filter_);
    filter_.handle = filter.handle;
    filter_.priority = filter.priority;
  }
  ClsactAttachment(const ClsactAttachment&) = delete;
  ClsactAttachment& operator=(const ClsactAttachment&) = delete;

  ~ClsactAttachment() override {
    if (left_) return;
    if (!ns_) {
      Detach();
      return;
    }
    std::thread([this] {
      if (::setns(ns_.get(), CLONE_NEWNET) == 0) Detach();
    }).join();
  }

  std::string Mode() const override { return mode_; }
  int Leave() override {
    left_ = true;
    return -1;
  }

 private:
  // An error means that the interface or the filter has gone already.
  void Detach() {
    LibbpfLog quiet;
    bpf_tc_detach(&hook_, &filter_);
  }

  UniqueFd ns_;
  bpf_tc_hook hook_;
  bpf_tc_opts filter_{};
  std::string mode_;
  bool left_ = false;
};

Error Failure(const Program& program, const AttachPoint& point, int code, const std::string& words,
              std::string hint) {
  std::string why = std::generic_category().message(code);
  if (!words.empty()) why += ": " + words;
  return Error({.what = kAttachTc,
                .where = fmt::format("{} at {}", program.name(), Where(point)),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = code});
}

std::unique_ptr<Attachment> AttachClsact(const Program& program, const AttachPoint& point, int ifindex,
                                         bool egress) {
  LibbpfLog log;
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = ifindex;
  hook.attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
  if (const int code = -bpf_tc_hook_create(&hook); code != 0 && code != EEXIST) {
    throw Failure(program, point, code, log.KernelMessage(),
                  "it needs the clsact qdisc (module sch_ingress)");
  }
  bpf_tc_opts filter{};
  filter.sz = sizeof(filter);
  filter.prog_fd = program.fd();
  if (const int code = -bpf_tc_attach(&hook, &filter); code != 0) {
    throw Failure(program, point, code, log.KernelMessage(), "it needs the bpf classifier (module cls_bpf)");
  }
  UniqueFd ns;
  if (point.ns != nullptr) ns = UniqueFd(::fcntl(point.ns->fd(), F_DUPFD_CLOEXEC, 0));
  return std::make_unique<ClsactAttachment>(std::move(ns), hook, filter,
                                            egress ? "clsact egress" : "clsact ingress");
}

std::unique_ptr<Attachment> AttachTc(const Program& program, const AttachPoint& point, bool egress) {
  RequireMode(point, kAttachTc, {"auto", "tcx", "clsact"});
  if (program.type() == BPF_PROG_TYPE_SCHED_ACT) {
    throw Error({.what = kAttachTc,
                 .where = fmt::format("{} at {}", program.name(), Where(point)),
                 .why = "it is loaded as an action (sched_act), which only runs below another classifier",
                 .hint = "load it with type sched_cls: the same code is a classifier in direct action",
                 .detail = "",
                 .code = EINVAL});
  }
  return RunAt(point, [&]() -> std::unique_ptr<Attachment> {
    const int ifindex = InterfaceIndex(point, kAttachTc);
    if (point.mode != "clsact") {
      LinkResult result = CreateLink(program.fd(), ifindex, egress ? kAttachTcxEgress : kAttachTcxIngress, 0);
      if (result.link) {
        return std::make_unique<LinkAttachment>(std::move(result.link),
                                                egress ? "tcx egress" : "tcx ingress");
      }
      // EINVAL is also what a kernel says that does not know TCX.
      const bool unknown = result.code == EINVAL || result.code == EOPNOTSUPP;
      if (point.mode == "tcx" || !unknown) {
        throw Failure(program, point, result.code, "", unknown ? "TCX needs Linux 6.6: use mode clsact" : "");
      }
    }
    return AttachClsact(program, point, ifindex, egress);
  });
}

}  // namespace

std::unique_ptr<Attachment> AttachTcIngress(const Program& program, const AttachPoint& point) {
  return AttachTc(program, point, false);
}

std::unique_ptr<Attachment> AttachTcEgress(const Program& program, const AttachPoint& point) {
  return AttachTc(program, point, true);
}

}  // namespace knetlab
