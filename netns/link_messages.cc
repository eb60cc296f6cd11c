// SPDX-License-Identifier: Apache-2.0
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include "netns/messages.h"

namespace knetlab {
namespace {

ifinfomsg LinkHeader(int ifindex, unsigned flags, unsigned changed) {
  ifinfomsg header = {};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = ifindex;
  header.ifi_flags = flags;
  header.ifi_change = changed;
  return header;
}

// A joined IPv6 group is reported (MLD) as soon as the interface is up, and again at each later change of the
// interface, such as an XDP attachment. The groups in question are each address's solicited-node group, which
// an interface with IFF_NOARP does not join, and a router's all-routers group, which one without
// IFF_MULTICAST does not join. What was not joined while the addresses came is not joined later, provided the
// flags return to normal while the interface is down: on one that is up the kernel takes it for a new
// beginning. (Linux 5.10 to 6.18, net/ipv6/addrconf.c.) The price: neighbour solicitations by multicast are
// not heard, which the permanent neighbour entries make up for.
constexpr unsigned kQuietMask = IFF_NOARP | IFF_MULTICAST;

ifinfomsg NewLinkHeader(const VethEnd& end) {
  return LinkHeader(end.ifindex, end.quiet_ipv6 ? IFF_NOARP : 0, end.quiet_ipv6 ? kQuietMask : 0);
}

void PutLink(NetlinkMessage& message, const VethEnd& end, int mtu, int queues) {
  message.PutString(IFLA_IFNAME, end.name);
  message.Put(IFLA_ADDRESS, end.mac.bytes.data(), end.mac.bytes.size());
  if (mtu > 0) message.PutNumber<std::uint32_t>(IFLA_MTU, static_cast<std::uint32_t>(mtu));
  if (queues > 0) {
    message.PutNumber<std::uint32_t>(IFLA_NUM_TX_QUEUES, static_cast<std::uint32_t>(queues));
    message.PutNumber<std::uint32_t>(IFLA_NUM_RX_QUEUES, static_cast<std::uint32_t>(queues));
  }
}

}  // namespace

NetlinkMessage NewVeth(const VethEnd& here, const VethEnd& there, int there_namespace_fd, int mtu,
                       int queues) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.Header(NewLinkHeader(here));
  PutLink(message, here, mtu, queues);
  message.Nest(IFLA_LINKINFO, [&](NetlinkMessage& info) {
    info.PutString(IFLA_INFO_KIND, "veth");
    info.Nest(IFLA_INFO_DATA, [&](NetlinkMessage& data) {
      data.Nest(VETH_INFO_PEER, [&](NetlinkMessage& peer) {
        peer.Header(NewLinkHeader(there));
        PutLink(peer, there, mtu, queues);
        peer.PutNumber<std::uint32_t>(IFLA_NET_NS_FD, static_cast<std::uint32_t>(there_namespace_fd));
      });
    });
  });
  return message;
}

NetlinkMessage NewBridge(const VethEnd& bridge) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.Header(NewLinkHeader(bridge));
  PutLink(message, bridge, 0, 0);
  message.Nest(IFLA_LINKINFO, [&](NetlinkMessage& info) {
    info.PutString(IFLA_INFO_KIND, "bridge");
    info.Nest(IFLA_INFO_DATA, [&](NetlinkMessage& data) {
      data.PutNumber<std::uint32_t>(IFLA_BR_STP_STATE, 0);
      data.PutNumber<std::uint8_t>(IFLA_BR_MCAST_SNOOPING, 0);
    });
  });
  return message;
}

NetlinkMessage SetMaster(int ifindex, int bridge_ifindex) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  message.Header(LinkHeader(ifindex, 0, 0));
  message.PutNumber<std::uint32_t>(IFLA_MASTER, static_cast<std::uint32_t>(bridge_ifindex));
  return message;
}

NetlinkMessage EndQuietIpv6(int ifindex) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  message.Header(LinkHeader(ifindex, IFF_MULTICAST, kQuietMask));
  return message;
}

NetlinkMessage LinkUp(int ifindex) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  message.Header(LinkHeader(ifindex, IFF_UP, IFF_UP));
  return message;
}

NetlinkMessage GetLink(int ifindex) {
  NetlinkMessage message(RTM_GETLINK, 0);
  message.Header(LinkHeader(ifindex, 0, 0));
  message.PutNumber<std::uint32_t>(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

NetlinkMessage DumpLinks() {
  NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP);
  message.Header(LinkHeader(0, 0, 0));
  message.PutNumber<std::uint32_t>(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

NetlinkMessage NewAddress(int ifindex, const IpPrefix& prefix) {
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg header = {};
  header.ifa_family = static_cast<std::uint8_t>(prefix.address.family);
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix.length);
  header.ifa_index = static_cast<std::uint32_t>(ifindex);
  message.Header(header);
  const auto size = static_cast<std::size_t>(prefix.address.size());
  message.Put(IFA_LOCAL, prefix.address.bytes.data(), size);
  message.Put(IFA_ADDRESS, prefix.address.bytes.data(), size);
  return message;
}

NetlinkMessage DumpAddresses(int family) {
  NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP);
  ifaddrmsg header = {};
  header.ifa_family = static_cast<std::uint8_t>(family);
  message.Header(header);
  return message;
}

NetlinkMessage HurryNeighbours(int ifindex, int family) {
  ndtmsg header{};
  header.ndtm_family = static_cast<std::uint8_t>(family);
  NetlinkMessage message(RTM_SETNEIGHTBL, NLM_F_REPLACE);
  message.Header(header);
  message.PutString(NDTA_NAME, family == AF_INET ? "arp_cache" : "ndisc_cache");
  message.Nest(NDTA_PARMS, [&](NetlinkMessage& parms) {
    parms.PutNumber<std::uint32_t>(NDTPA_IFINDEX, static_cast<std::uint32_t>(ifindex));
    parms.PutNumber<std::uint32_t>(NDTPA_MCAST_PROBES, 1);
    parms.PutNumber<std::uint64_t>(NDTPA_RETRANS_TIME, 100);  // ms
  });
  return message;
}

NetlinkMessage NewNeighbour(int ifindex, const IpAddress& address, const MacAddress& mac) {
  NetlinkMessage message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg header = {};
  header.ndm_family = static_cast<std::uint8_t>(address.family);
  header.ndm_ifindex = ifindex;
  header.ndm_state = NUD_PERMANENT;
  message.Header(header);
  message.Put(NDA_DST, address.bytes.data(), static_cast<std::size_t>(address.size()));
  message.Put(NDA_LLADDR, mac.bytes.data(), mac.bytes.size());
  return message;
}

}  // namespace knetlab
