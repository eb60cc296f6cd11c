// SPDX-License-Identifier: Apache-2.0
#include "netns/xdp_features.h"

#include <linux/genetlink.h>
#include <netlink/attr.h>

#include <cerrno>

#include "netns/error.h"
#include "netns/netlink.h"

namespace knetlab {
namespace {

// <linux/netdev.h>, which is newer than the headers here.
constexpr const char* kFamily = "netdev";
constexpr std::uint8_t kDevGet = 1;  // NETDEV_CMD_DEV_GET
constexpr int kDevIfindex = 1;       // NETDEV_A_DEV_IFINDEX
constexpr int kDevXdpFeatures = 3;   // NETDEV_A_DEV_XDP_FEATURES
constexpr std::uint8_t kFamilyVersion = 1;

genlmsghdr Command(std::uint8_t command, std::uint8_t version) {
  genlmsghdr header = {};
  header.cmd = command;
  header.version = version;
  return header;
}

const nlattr* FindAttribute(const nlmsghdr* message, int type) {
  return nla_find(static_cast<nlattr*>(nlmsg_data(message)) + GENL_HDRLEN / sizeof(nlattr),
                  nlmsg_datalen(message) - GENL_HDRLEN, type);
}

// 0 where the kernel has no such family.
int Family(NetlinkSocket& socket, const std::string& where) {
  NetlinkMessage message(GENL_ID_CTRL, 0);
  message.Header(Command(CTRL_CMD_GETFAMILY, 1));
  message.PutString(CTRL_ATTR_FAMILY_NAME, kFamily);
  int family = 0;
  try {
    socket.Transact({std::move(message), "find netdev netlink for", where}, [&](const nlmsghdr* reply) {
      if (const auto* id = FindAttribute(reply, CTRL_ATTR_FAMILY_ID)) family = nla_get_u16(id);
    });
  } catch (const Error& error) {
    if (error.parts().code != ENOENT) throw;
  }
  return family;
}

}  // namespace

std::optional<std::uint64_t> XdpFeatures(int ifindex, const std::string& where) {
  NetlinkSocket socket(NETLINK_GENERIC);
  const int family = Family(socket, where);
  if (family == 0) return std::nullopt;
  NetlinkMessage message(family, 0);
  message.Header(Command(kDevGet, kFamilyVersion));
  message.PutNumber<std::uint32_t>(kDevIfindex, static_cast<std::uint32_t>(ifindex));
  std::optional<std::uint64_t> features;
  socket.Transact({std::move(message), "read XDP features of", where}, [&](const nlmsghdr* reply) {
    if (const auto* bits = FindAttribute(reply, kDevXdpFeatures)) features = nla_get_u64(bits);
  });
  return features;
}

}  // namespace knetlab
