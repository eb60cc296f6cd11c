// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/method.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "harness/traffic/live_thread.h"
#include "harness/traffic/packet_headers.h"
#include "netns/error.h"
#include "netns/xdp_features.h"

namespace knetlab {
namespace {

constexpr const char* kChooseMethod = "choose how to send";
constexpr std::size_t kUsualFrame = 64;
// Longer waits than this, on the average, are slept through by AF_PACKET.
constexpr double kLongGapNs = 10e6;
constexpr std::uint64_t kMostPackets = std::uint64_t{1} << 40;

struct Device {
  int ifindex = 0;
  std::size_t longest_frame = 0;
};

Device FindDevice(const Namespace& ns, const std::string& interface) {
  return ns.Run([&] {
    const std::string where = fmt::format("{}:{}", ns.label(), interface);
    const unsigned int ifindex = ::if_nametoindex(interface.c_str());
    if (ifindex == 0) throw ErrnoError(kChooseMethod, where, errno);
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (!fd || ::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) throw ErrnoError(kChooseMethod, where, errno);
    return Device{static_cast<int>(ifindex), static_cast<std::size_t>(request.ifr_mtu) + kEthernetHeader};
  });
}

// Empty where the kernel can run a program with live frames of this length.
std::string KernelObstacle(const Namespace& ns, int ifindex, std::size_t length) {
  const auto run = [&](std::size_t frame) {
    LiveThread thread(1);  // nothing to send: each run gives its frame back
    thread.Start({.namespace_fd = ns.fd(),
                  .ifindex = ifindex,
                  .where = ns.label(),
                  .frame = static_cast<std::uint32_t>(frame),
                  .repeat = 1,
                  .batch = 1});
    thread.Join();
  };
  try {
    run(kUsualFrame);
  } catch (const Error& error) {
    return fmt::format("this kernel has no live frames (Linux 5.18): {}", error.parts().why);
  }
  try {
    if (length > kUsualFrame) run(length);
  } catch (const Error&) {
    return "more than a live frame has room for";
  }
  return "";
}

std::string DeviceObstacle(const Namespace& ns, const std::string& interface, int ifindex) {
  return ns.Run([&]() -> std::string {
    const auto features = XdpFeatures(ifindex, fmt::format("{}:{}", ns.label(), interface));
    if (!features) return "this kernel does not tell whether the interface takes frames (Linux 6.3)";
    if ((*features & kXdpTakesFrames) != 0) return "";
    return fmt::format(
        "{} takes no frames: a veth does where its peer has an XDP program or generic-receive-offload",
        interface);
  });
}

std::string Obstacle(const Namespace& ns, const std::string& interface, const FeedSummary& summary) {
  const Device device = FindDevice(ns, interface);
  if (summary.longest > device.longest_frame) {
    return fmt::format("packet {} has {} bytes, more than the MTU allows", summary.longest_at,
                       summary.longest);
  }
  if (std::string why = DeviceObstacle(ns, interface, device.ifindex); !why.empty()) return why;
  std::string why = KernelObstacle(ns, device.ifindex, summary.longest);
  if (why.starts_with("more than"))
    return fmt::format("packet {} has {} bytes, {}", summary.longest_at, summary.longest, why);
  return why;
}

Capture ReadAll(PacketFeed& feed) {
  Capture capture;
  capture.path = feed.name();
  feed.Rewind();
  while (const Packet* packet = feed.Next()) capture.packets.push_back(*packet);
  feed.Rewind();
  return capture;
}

}  // namespace

Method ParseMethod(std::string_view text) {
  for (const Method method : {Method::kAuto, Method::kLiveFrames, Method::kAfPacket}) {
    if (text == MethodName(method)) return method;
  }
  throw Error({.what = "read method",
               .where = fmt::format("\"{}\"", text),
               .why = "not a method",
               .hint = "auto, live-frames, af-packet",
               .detail = ""});
}

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kLiveFrames:
      return "live-frames";
    case Method::kAfPacket:
      return "af-packet";
    default:
      return "auto";
  }
}

MethodChoice ChooseMethod(Method wanted, const Namespace& ns, const std::string& interface,
                          const FeedSummary& summary, const Pace& pace) {
  if (wanted == Method::kAfPacket) return {.method = Method::kAfPacket, .why = ""};
  const std::string obstacle = Obstacle(ns, interface, summary);
  if (wanted == Method::kLiveFrames && !obstacle.empty()) {
    throw Error({.what = "send live frames from",
                 .where = fmt::format("{}:{}", ns.label(), interface),
                 .why = obstacle,
                 .hint = "the method af-packet sends what the interface takes",
                 .detail = "",
                 .code = EOPNOTSUPP});
  }
  if (!obstacle.empty()) return {.method = Method::kAfPacket, .why = obstacle};
  if (wanted == Method::kAuto && MeanGapNs(pace, summary) > kLongGapNs)
    return {.method = Method::kAfPacket,
            .why = "the pace leaves long waits, which this method sleeps through"};
  return {.method = Method::kLiveFrames, .why = ""};
}

FeedSource::FeedSource(PacketFeed& feed, const SendOptions& options, const Namespace& ns,
                       const std::string& interface)
    : summary_(Summarise(feed)),
      choice_(ChooseMethod(options.method, ns, interface, summary_, options.pace)) {
  // What "until the time is up" means is a number of loops that never ends.
  const std::uint64_t loops = std::min(options.loops, kMostPackets / summary_.packets + 1);
  if (choice_.method == Method::kLiveFrames) {
    source_ = std::make_unique<LiveFrames>(feed, LiveFramesOptions{.pace = options.pace,
                                                                   .loops = loops,
                                                                   .count = options.count,
                                                                   .rewrite = options.rewrite,
                                                                   .threads = options.threads});
    return;
  }
  source_ = std::make_unique<Replay>(ReadAll(feed), ReplayOptions{.pace = options.pace,
                                                                  .loops = loops,
                                                                  .count = options.count,
                                                                  .rewrite = options.rewrite,
                                                                  .qdisc_bypass = options.qdisc_bypass});
}

}  // namespace knetlab
