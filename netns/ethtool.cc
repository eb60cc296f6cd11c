// SPDX-License-Identifier: Apache-2.0
#include "netns/ethtool.h"

#include <fmt/format.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "netns/error.h"
#include "netns/nearest.h"
#include "netns/netlink.h"

namespace knetlab {
namespace {

struct Group {
  std::string_view name;
  std::vector<std::string> members;
};

// ethtool's names for one or several of the kernel's features.
const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"rx-checksumming", {"rx-checksum"}},
      {"tx-checksumming",
       {"tx-checksum-ipv4", "tx-checksum-ip-generic", "tx-checksum-ipv6", "tx-checksum-fcoe-crc",
        "tx-checksum-sctp"}},
      {"scatter-gather", {"tx-scatter-gather", "tx-scatter-gather-fraglist"}},
      {"tcp-segmentation-offload",
       {"tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation",
        "tx-tcp6-segmentation"}},
      {"generic-segmentation-offload", {"tx-generic-segmentation"}},
      {"generic-receive-offload", {"rx-gro"}},
      {"large-receive-offload", {"rx-lro"}},
      {"rx-vlan-offload", {"rx-vlan-hw-parse"}},
      {"tx-vlan-offload", {"tx-vlan-hw-insert"}},
      {"ntuple-filters", {"rx-ntuple-filter"}},
      {"receive-hashing", {"rx-hashing"}}};
  return groups;
}

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

// Sets and gives back those whose value did not become what was asked.
std::set<std::string> Set(NetlinkSocket& socket, int family, int ifindex, const std::string& where,
                          const std::string& what, const std::vector<std::string>& names, bool on) {
  NetlinkMessage message(family, 0);
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
  const NetlinkRequest request{std::move(message), what, where, [&](int code) -> std::string {
                                 if (code != EOPNOTSUPP) return "";
                                 std::vector<std::string> known;
                                 for (const Group& group : Groups()) known.emplace_back(group.name);
                                 NetlinkSocket other(NETLINK_GENERIC);
                                 for (const auto& [name, value] : AllFeatures(other, family, ifindex, where))
                                   known.push_back(name);
                                 return NearestHint(names.front(), known);
                               }};
  std::set<std::string> unchanged;
  socket.Transact(request, [&](const nlmsghdr* reply) {
    // Of the reply, "wanted" holds the bits whose wanted and effective values differ.
    nlattr* wanted = nla_find(Attributes(reply), AttributesLength(reply), ETHTOOL_A_FEATURES_WANTED);
    if (wanted == nullptr) return;
    for (const auto& [name, value] : Bits(wanted)) {
      if (std::find(names.begin(), names.end(), name) != names.end()) unchanged.insert(name);
    }
  });
  return unchanged;
}

}  // namespace

void SetFeatures(int ifindex, const std::string& where, const std::map<std::string, bool>& features) {
  if (features.empty()) return;
  NetlinkSocket socket(NETLINK_GENERIC);
  const int family = EthtoolFamily(socket, where);
  for (const auto& [name, on] : features) {
    const std::string what = fmt::format("turn {} {} on", name, on ? "on" : "off");
    const auto& groups = Groups();
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == name; });
    const std::vector<std::string> names = group == groups.end() ? std::vector{name} : group->members;
    const auto unchanged = Set(socket, family, ifindex, where, what, names, on);
    // Of a group, as with ethtool, those that can be changed are.
    if (unchanged.size() < names.size()) continue;
    throw Error({.what = what,
                 .where = where,
                 .why = "the feature is fixed for this interface",
                 .hint = fmt::format("ethtool -k marks such features [fixed]"),
                 .detail = "",
                 .code = EOPNOTSUPP});
  }
}

std::map<std::string, bool> GetFeatures(int ifindex, const std::string& where) {
  NetlinkSocket socket(NETLINK_GENERIC);
  return AllFeatures(socket, EthtoolFamily(socket, where), ifindex, where);
}

}  // namespace knetlab
