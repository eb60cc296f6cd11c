// SPDX-License-Identifier: Apache-2.0
#include "netns/counters.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/attr.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "netns/error.h"
#include "netns/netlink.h"

namespace knetlab {
namespace {

constexpr std::uint32_t kMostCounters = 1 << 16;  // a driver's answer is not trusted to be small

// An ioctl structure that ends in an array, in memory of the right alignment.
template <typename T>
class Extended {
 public:
  explicit Extended(std::size_t extra)
      : memory_((sizeof(T) + extra + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t)) {}
  T* get() { return reinterpret_cast<T*>(memory_.data()); }
  unsigned char* extra() { return reinterpret_cast<unsigned char*>(memory_.data()) + sizeof(T); }

 private:
  std::vector<std::uint64_t> memory_;
};

class EthtoolIoctl {
 public:
  EthtoolIoctl(std::string where, const std::string& interface)
      : where_(std::move(where)), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!fd_) throw ErrnoError("open socket for", where_, errno);
    if (interface.size() >= IFNAMSIZ) throw ErrnoError("read counters of", where_, ENODEV);
    std::memcpy(request_.ifr_name, interface.c_str(), interface.size() + 1);
  }
  // False where the driver has no such thing.
  bool Ask(void* data) {
    request_.ifr_data = static_cast<char*>(data);
    if (::ioctl(fd_.get(), SIOCETHTOOL, &request_) == 0) return true;
    if (errno == EOPNOTSUPP) return false;
    throw ErrnoError("read counters of", where_, errno);
  }

 private:
  std::string where_;
  UniqueFd fd_;
  ifreq request_ = {};
};

Counters ReadEthtool(const std::string& where, const std::string& interface) {
  EthtoolIoctl device(where, interface);
  Extended<ethtool_sset_info> info(sizeof(std::uint32_t));
  info.get()->cmd = ETHTOOL_GSSET_INFO;
  info.get()->sset_mask = 1ULL << ETH_SS_STATS;
  if (!device.Ask(info.get()) || info.get()->sset_mask == 0) return {};
  std::uint32_t count = 0;
  std::memcpy(&count, info.extra(), sizeof count);
  if (count == 0 || count > kMostCounters) return {};

  Extended<ethtool_gstrings> names(std::size_t{count} * ETH_GSTRING_LEN);
  names.get()->cmd = ETHTOOL_GSTRINGS;
  names.get()->string_set = ETH_SS_STATS;
  names.get()->len = count;
  Extended<ethtool_stats> values(std::size_t{count} * sizeof(std::uint64_t));
  values.get()->cmd = ETHTOOL_GSTATS;
  values.get()->n_stats = count;
  if (!device.Ask(names.get()) || !device.Ask(values.get())) return {};
  // The number may have changed between the calls (more queues): what both have is paired.
  count = std::min({count, names.get()->len, values.get()->n_stats});
  Counters counters;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto* name = reinterpret_cast<const char*>(names.extra()) + std::size_t{i} * ETH_GSTRING_LEN;
    std::uint64_t value = 0;
    std::memcpy(&value, values.extra() + std::size_t{i} * sizeof value, sizeof value);
    counters[std::string(name, ::strnlen(name, ETH_GSTRING_LEN))] = value;
  }
  return counters;
}

struct LinkCounter {
  const char* name;
  std::size_t offset;
};
#define KNETLAB_LINK_COUNTER(field)            \
  LinkCounter {                                \
#field, offsetof(rtnl_link_stats64, field) \
  }
constexpr std::array kLinkCounters = {
    KNETLAB_LINK_COUNTER(rx_packets),        KNETLAB_LINK_COUNTER(tx_packets),
    KNETLAB_LINK_COUNTER(rx_bytes),          KNETLAB_LINK_COUNTER(tx_bytes),
    KNETLAB_LINK_COUNTER(rx_errors),         KNETLAB_LINK_COUNTER(tx_errors),
    KNETLAB_LINK_COUNTER(rx_dropped),        KNETLAB_LINK_COUNTER(tx_dropped),
    KNETLAB_LINK_COUNTER(multicast),         KNETLAB_LINK_COUNTER(collisions),
    KNETLAB_LINK_COUNTER(rx_length_errors),  KNETLAB_LINK_COUNTER(rx_over_errors),
    KNETLAB_LINK_COUNTER(rx_crc_errors),     KNETLAB_LINK_COUNTER(rx_frame_errors),
    KNETLAB_LINK_COUNTER(rx_fifo_errors),    KNETLAB_LINK_COUNTER(rx_missed_errors),
    KNETLAB_LINK_COUNTER(tx_aborted_errors), KNETLAB_LINK_COUNTER(tx_carrier_errors),
    KNETLAB_LINK_COUNTER(tx_fifo_errors),    KNETLAB_LINK_COUNTER(rx_nohandler)};
#undef KNETLAB_LINK_COUNTER

Counters ReadLink(const std::string& where, const std::string& interface) {
  NetlinkMessage message(RTM_GETLINK, 0);
  message.Header(ifinfomsg{});
  message.PutString(IFLA_IFNAME, interface);
  Counters counters;
  NetlinkSocket socket;
  socket.Transact({std::move(message), "read counters of", where}, [&](const nlmsghdr* reply) {
    const auto* stats = nlmsg_find_attr(const_cast<nlmsghdr*>(reply), sizeof(ifinfomsg), IFLA_STATS64);
    if (stats == nullptr) return;
    const auto length = static_cast<std::size_t>(nla_len(stats));
    for (const LinkCounter& counter : kLinkCounters) {
      std::uint64_t value = 0;
      if (counter.offset + sizeof value > length) continue;  // a kernel that has fewer
      std::memcpy(&value, static_cast<const char*>(nla_data(stats)) + counter.offset, sizeof value);
      counters[counter.name] = value;
    }
  });
  return counters;
}

}  // namespace

Counters EthtoolStatistics(const Namespace& ns, const std::string& interface) {
  return ns.Run([&] { return ReadEthtool(ns.label() + ":" + interface, interface); });
}

Counters LinkStatistics(const Namespace& ns, const std::string& interface) {
  return ns.Run([&] { return ReadLink(ns.label() + ":" + interface, interface); });
}

}  // namespace knetlab
