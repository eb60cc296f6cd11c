// SPDX-License-Identifier: Apache-2.0
#include "netns/ethtool.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "netns/error.h"
#include "netns/nearest.h"
#include "netns/netlink.h"

namespace knetlab {
namespace {

// ethtool's names for one or several of the kernel's features, as shell patterns: newer kernels have more of
// a kind.
struct Group {
  const char* name;
  const char* members;
};
constexpr std::array kGroups = {Group{"rx-checksumming", "rx-checksum"},
                                Group{"tx-checksumming", "tx-checksum-*"},
                                Group{"scatter-gather", "tx-scatter-gather*"},
                                Group{"tcp-segmentation-offload", "tx-tcp*-segmentation"},
                                Group{"generic-segmentation-offload", "tx-generic-segmentation"},
                                Group{"generic-receive-offload", "rx-gro"},
                                Group{"large-receive-offload", "rx-lro"},
                                Group{"rx-vlan-offload", "rx-vlan-hw-parse"},
                                Group{"tx-vlan-offload", "tx-vlan-hw-insert"},
                                Group{"ntuple-filters", "rx-ntuple-filter"},
                                Group{"receive-hashing", "rx-hashing"}};

nlattr* Attributes(const nlmsghdr* message) {
  return static_cast<nlattr*>(nlmsg_data(message)) + GENL_HDRLEN / sizeof(nlattr);
}

int AttributesLength(const nlmsghdr* message) {
  return nlmsg_datalen(message) - GENL_HDRLEN;
}

nlattr* Find(nlattr* attribute, int type) {
  return attribute == nullptr ? nullptr
                              : nla_find(static_cast<nlattr*>(nla_data(attribute)), nla_len(attribute), type);
}

std::string Text(const nlattr* attribute) {
  const auto* data = static_cast<const char*>(nla_data(attribute));
  return {data, ::strnlen(data, static_cast<std::size_t>(nla_len(attribute)))};
}

genlmsghdr Command(std::uint8_t command, std::uint8_t version) {
  genlmsghdr header = {};
  header.cmd = command;
  header.version = version;
  return header;
}

int EthtoolFamily(NetlinkSocket& socket, const std::string& where) {
  NetlinkMessage message(GENL_ID_CTRL, 0);
  message.Header(Command(CTRL_CMD_GETFAMILY, 1));
  message.PutString(CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME);
  int family = 0;
  socket.Transact(
      {std::move(message), "find ethtool netlink for", where,
       [](int code) { return code == ENOENT ? "needs Linux 5.6 and CONFIG_ETHTOOL_NETLINK" : ""; }},
      [&](const nlmsghdr* reply) {
        if (const auto* id = nla_find(Attributes(reply), AttributesLength(reply), CTRL_ATTR_FAMILY_ID)) {
          family = nla_get_u16(id);
        }
      });
  return family;
}

void PutDevice(NetlinkMessage& message, int ifindex) {
  message.Nest(ETHTOOL_A_FEATURES_HEADER, [&](NetlinkMessage& header) {
    header.PutNumber<std::uint32_t>(ETHTOOL_A_HEADER_DEV_INDEX, static_cast<std::uint32_t>(ifindex));
  });
}

// The names in a bitset in its verbose form, with each one's value. A bit without a VALUE flag is 0, except
// in a bitset that is a plain list (NOMASK).
std::map<std::string, bool> Bits(nlattr* bitset) {
  std::map<std::string, bool> bits;
  const bool list = Find(bitset, ETHTOOL_A_BITSET_NOMASK) != nullptr;
  nlattr* all = Find(bitset, ETHTOOL_A_BITSET_BITS);
  if (all == nullptr) return bits;
  int left = nla_len(all);
  for (auto* bit = static_cast<nlattr*>(nla_data(all)); nla_ok(bit, left) != 0; bit = nla_next(bit, &left)) {
    if (const auto* name = Find(bit, ETHTOOL_A_BITSET_BIT_NAME)) {
      bits[Text(name)] = list || Find(bit, ETHTOOL_A_BITSET_BIT_VALUE) != nullptr;
    }
  }
  return bits;
}

// Every feature the kernel knows for any interface, with whether it is on here.
std::map<std::string, bool> AllFeatures(NetlinkSocket& socket, int family, int ifindex,
                                        const std::string& where) {
  NetlinkMessage message(family, 0);
  message.Header(Command(ETHTOOL_MSG_FEATURES_GET, ETHTOOL_GENL_VERSION));
  PutDevice(message, ifindex);
  std::map<std::string, bool> features;
  socket.Transact({std::move(message), "read offloads of", where}, [&](const nlmsghdr* reply) {
    nlattr* attributes = Attributes(reply);
    const int length = AttributesLength(reply);
    // "hw" is a bitset with a mask of all features; "active" lists those that are on.
    for (const auto& [name, value] : Bits(nla_find(attributes, length, ETHTOOL_A_FEATURES_HW)))
      features[name] = false;
    for (const auto& [name, value] : Bits(nla_find(attributes, length, ETHTOOL_A_FEATURES_NOCHANGE)))
      features[name] = false;
    for (const auto& [name, value] : Bits(nla_find(attributes, length, ETHTOOL_A_FEATURES_ACTIVE)))
      features[name] = value;
  });
  return features;
}

// The kernel's names for one of ethtool's. Throws Error where there are none.
std::vector<std::string> Members(const std::string& name, const std::map<std::string, bool>& all,
                                 const std::string& what, const std::string& where) {
  if (all.contains(name)) return {name};
  const auto* group =
      std::find_if(kGroups.begin(), kGroups.end(), [&](const Group& g) { return name == g.name; });
  std::vector<std::string> known;
  std::vector<std::string> members;
  for (const auto& [feature, on] : all) {
    known.push_back(feature);
    if (group != kGroups.end() && ::fnmatch(group->members, feature.c_str(), 0) == 0)
      members.push_back(feature);
  }
  if (!members.empty()) return members;
  for (const Group& g : kGroups) known.emplace_back(g.name);
  throw Error({.what = what,
               .where = where,
               .why = "the kernel has no feature of this name",
               .hint = NearestHint(name, known),
               .detail = "",
               .code = EOPNOTSUPP});
}

// Sets and gives back how many did not become what was asked.
std::size_t Set(NetlinkSocket& socket, int family, int ifindex, const std::string& where,
                const std::string& what, const std::vector<std::string>& names, bool on) {
  NetlinkMessage message(family, 0, NetlinkMessage::kRoom + names.size() * 64);
  message.Header(Command(ETHTOOL_MSG_FEATURES_SET, ETHTOOL_GENL_VERSION));
  PutDevice(message, ifindex);
  message.Nest(ETHTOOL_A_FEATURES_WANTED, [&](NetlinkMessage& bitset) {
    bitset.Nest(ETHTOOL_A_BITSET_BITS, [&](NetlinkMessage& bits) {
      for (const std::string& name : names) {
        bits.Nest(ETHTOOL_A_BITSET_BITS_BIT, [&](NetlinkMessage& bit) {
          bit.PutString(ETHTOOL_A_BITSET_BIT_NAME, name);
          if (on) bit.PutFlag(ETHTOOL_A_BITSET_BIT_VALUE);
        });
      }
    });
  });
  std::size_t unchanged = 0;
  socket.Transact({std::move(message), what, where}, [&](const nlmsghdr* reply) {
    // Of the reply, "wanted" holds the bits whose wanted and effective values differ.
    nlattr* wanted = nla_find(Attributes(reply), AttributesLength(reply), ETHTOOL_A_FEATURES_WANTED);
    if (wanted == nullptr) return;
    for (const auto& [name, value] : Bits(wanted)) {
      if (std::find(names.begin(), names.end(), name) != names.end()) ++unchanged;
    }
  });
  return unchanged;
}

}  // namespace

void SetFeatures(int ifindex, const std::string& where, const std::map<std::string, bool>& features) {
  if (features.empty()) return;
  NetlinkSocket socket(NETLINK_GENERIC);
  const int family = EthtoolFamily(socket, where);
  const auto all = AllFeatures(socket, family, ifindex, where);
  for (const auto& [name, on] : features) {
    const std::string what = fmt::format("turn {} {}", name, on ? "on" : "off");
    const auto names = Members(name, all, what, where);
    // Of a group, as with ethtool, those that can be changed are.
    if (Set(socket, family, ifindex, where, what, names, on) < names.size()) continue;
    throw Error({.what = what,
                 .where = where,
                 .why = "the feature is fixed for this interface",
                 .hint = "ethtool -k marks such features [fixed]",
                 .detail = "",
                 .code = EOPNOTSUPP});
  }
}

std::map<std::string, bool> GetFeatures(int ifindex, const std::string& where) {
  NetlinkSocket socket(NETLINK_GENERIC);
  return AllFeatures(socket, EthtoolFamily(socket, where), ifindex, where);
}

}  // namespace knetlab
