// SPDX-License-Identifier: Apache-2.0
// Programs of a map of sockets (SOCKMAP, SOCKHASH): parsers and verdicts of what its sockets receive,
// verdicts of what they send.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cerrno>

#include "harness/program/attach_common.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kAttachToMap = "attach to map of sockets";

// Holds map and program by descriptors of its own, so that it takes off what it attached, and nothing else.
class MapAttachment : public Attachment {
 public:
  MapAttachment(UniqueFd program, UniqueFd map, bpf_attach_type type)
      : program_(std::move(program)), map_(std::move(map)), type_(type) {}
  MapAttachment(const MapAttachment&) = delete;
  MapAttachment& operator=(const MapAttachment&) = delete;
  ~MapAttachment() override {
    if (!left_) bpf_prog_detach2(program_.get(), map_.get(), type_);
  }
  std::string Mode() const override { return "sockmap"; }
  int Leave() override {
    left_ = true;
    return map_.get();
  }

 private:
  UniqueFd program_, map_;
  bpf_attach_type type_;
  bool left_ = false;
};

std::unique_ptr<Attachment> AttachToMap(const Program& program, const AttachPoint& point,
                                        std::uint32_t type) {
  RequireMode(point, kAttachToMap, {"auto"});
  const auto fail = [&](int code) {
    const char* hint = code == EOPNOTSUPP || code == EINVAL ? "is it a SOCKMAP or SOCKHASH?" : "";
    return ErrnoError(kAttachToMap, fmt::format("{} to descriptor {}", program.name(), point.map_fd), code,
                      hint);
  };
  UniqueFd map(::fcntl(point.map_fd, F_DUPFD_CLOEXEC, 0)), own(::fcntl(program.fd(), F_DUPFD_CLOEXEC, 0));
  if (!map || !own) throw fail(errno);
  const auto attach_type = static_cast<bpf_attach_type>(type);
  // It would replace the one that is there already.
  std::uint32_t attached = 0, count = 1, flags = 0;
  if (bpf_prog_query(map.get(), attach_type, 0, &flags, &attached, &count) == 0 && count > 0)
    throw fail(EBUSY);
  if (bpf_prog_attach(own.get(), map.get(), attach_type, 0) != 0) throw fail(errno);
  return std::make_unique<MapAttachment>(std::move(own), std::move(map), attach_type);
}

}  // namespace

std::unique_ptr<Attachment> AttachSkSkb(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachToMap, "sk-skb");
  const std::uint32_t own = program.expected_attach_type();
  if (own != BPF_SK_SKB_STREAM_PARSER && own != BPF_SK_SKB_STREAM_VERDICT && own != BPF_SK_SKB_VERDICT) {
    throw ErrnoError(kAttachToMap, program.name(), EINVAL,
                     "its section must say what it is: sk_skb/stream_parser, sk_skb/stream_verdict");
  }
  return AttachToMap(program, point, own);
}

std::unique_ptr<Attachment> AttachSkMsg(const Program& program, const AttachPoint& point) {
  RequireType(program, kAttachToMap, "sk-msg");
  return AttachToMap(program, point, BPF_SK_MSG_VERDICT);
}

}  // namespace knetlab
