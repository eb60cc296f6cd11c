// SPDX-License-Identifier: Apache-2.0
// `topology:` but its routes, rules, neighbours and qdiscs, which are in reader_network.cc.
#include <fmt/format.h>

#include <set>
#include <sstream>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/reader_network.h"
#include "harness/scenario/yaml_family.h"

namespace knetlab {
namespace {

constexpr int kMostQueues = 1024;

using Sysctls = std::vector<std::pair<std::string, std::string>>;

Sysctls ReadSysctls(const Node& node) {
  Sysctls sysctls;
  for (const Entry& entry : node.Entries("sysctls (a map of path to value)")) {
    const std::string& path = entry.name();
    const bool good =
        path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") ==
            std::string::npos &&
        path.find("..") == std::string::npos && !path.starts_with('/') && !path.empty();
    if (!good)
      entry.key.Fail(fmt::format("{} is no path of a sysctl", Quoted(path)), "such as ipv4.ip_forward");
    if (path.starts_with("net.") || path.starts_with("net/"))
      entry.key.Fail(fmt::format("{} begins with net", Quoted(path)),
                     fmt::format("leave it out: {}", path.substr(4)));
    sysctls.emplace_back(path, entry.value.Text("the value of a sysctl"));
  }
  return sysctls;
}

void ReadNamespaces(const Node& node, ReadContext& context, TopologySpec& spec) {
  constexpr std::string_view kExpected = "namespaces (a list of names, or a map)";
  const auto declare = [&](const Node& name, Sysctls sysctls) {
    const std::string label = ReadLabel(name, "a namespace");
    context.namespaces.Add(name, label);
    spec.namespaces.push_back({.name = label, .sysctls = std::move(sysctls)});
  };
  if (!node.is_map()) {
    for (const Node& name : ExpandedItems(node, kExpected)) declare(name, {});
    return;
  }
  for (const Entry& entry : ExpandedEntries(node, kExpected)) {
    if (entry.value.tree()->kind == YamlTree::Kind::kNull) {
      declare(entry.key, {});
      continue;
    }
    const auto sysctls = entry.value.RequireMap("a namespace", kNamespaceKeys).Find("sysctls");
    declare(entry.key, sysctls ? ReadSysctls(*sysctls) : Sysctls{});
  }
}

EndpointSpec ReadEnd(const Node& node, ReadContext& context) {
  const std::string& text = node.String("an endpoint: \"namespace:interface\", and addresses");
  std::istringstream words(text);
  std::string name;
  words >> name;
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == name.size())
    node.Fail(fmt::format("{} is no endpoint", Quoted(name)),
              "write namespace:interface, then its addresses");
  EndpointSpec end{.ns = context.namespaces.Require(node, name.substr(0, colon)),
                   .interface = ReadInterfaceName(node, name.substr(colon + 1)),
                   .addresses = {},
                   .mac = {},
                   .offloads = {}};
  if (end.interface == "lo") node.Fail("every namespace has its interface \"lo\" already");
  context.endpoints.Add(node, end.ToString());
  for (std::string word; words >> word;) end.addresses.push_back(node.Parsed(IpPrefix::Parse, word));
  return end;
}

void ReadMacs(const Node& node, LinkSpec& link) {
  const std::vector<Node> macs = node.Items("a list of two Ethernet addresses, one an end");
  if (macs.size() != 2) node.Fail(fmt::format("expected two Ethernet addresses, found {}", macs.size()));
  for (std::size_t i = 0; i < 2; ++i) {
    const MacAddress mac = macs[i].Parsed(MacAddress::Parse, macs[i].Text("an Ethernet address"));
    if ((mac.bytes[0] & 1) != 0 || mac == MacAddress{})
      macs[i].Fail(fmt::format("{} is not the address of one interface", mac.ToString()),
                   "such as 02:00:00:00:00:01");
    link.ends[i].mac = mac;
  }
}

void ReadOffloads(const Node& node, LinkSpec& link) {
  for (const Entry& entry : node.Entries("offloads (a map of feature to on or off)")) {
    const std::string feature = ReadLabel(entry.key, "a feature of ethtool -k");
    for (EndpointSpec& end : link.ends) end.offloads[feature] = entry.value.Boolean();
  }
}

void ReadDeviceAttributes(const Node& node, LinkSpec& link) {
  for (const Entry& entry : node.Entries("sysfs (a map of attribute to value)")) {
    const std::string attribute = ReadLabel(entry.key, "an attribute of /sys/class/net/INTERFACE");
    for (EndpointSpec& end : link.ends) end.sysfs[attribute] = entry.value.Text("the value of an attribute");
  }
}

LinkSpec ReadLink(const Node& node, ReadContext& context) {
  LinkSpec link;
  const auto read_ends = [&](const Node& ends) {
    const std::vector<Node> both = ends.Items("the two ends of a link");
    if (both.size() != 2) ends.Fail(fmt::format("a link has two ends, found {}", both.size()));
    for (std::size_t i = 0; i < 2; ++i) link.ends[i] = ReadEnd(both[i], context);
  };
  if (node.is_sequence()) {
    read_ends(node);
    return link;
  }
  if (!node.is_map()) node.FailType("a link: a list of its two ends, or a map with \"ends\"");
  const Fields fields = node.RequireMap("a link", kLinkKeys);
  read_ends(fields.At("ends"));
  if (const auto mtu = fields.Find("mtu")) link.mtu = static_cast<int>(mtu->Integer(68, 65535));
  if (const auto queues = fields.Find("queues"))
    link.queues = static_cast<int>(queues->Integer(1, kMostQueues));
  if (const auto macs = fields.Find("mac")) ReadMacs(*macs, link);
  if (const auto offloads = fields.Find("offloads")) ReadOffloads(*offloads, link);
  if (const auto sysfs = fields.Find("sysfs")) ReadDeviceAttributes(*sysfs, link);
  return link;
}

BridgeSpec ReadBridge(const Node& node, ReadContext& context, std::set<std::string>& ports) {
  const Fields fields = node.RequireMap("a bridge", kBridgeKeys);
  BridgeSpec bridge;
  bridge.ns = context.namespaces.Require(fields.At("in"));
  const Node& name = fields.At("name");
  bridge.name = ReadInterfaceName(name, name.String("the name of a bridge"));
  context.endpoints.Add(name, bridge.ns + ":" + bridge.name);
  if (const auto list = fields.Find("ports")) {
    for (const Node& port : list->Items("a list of interfaces")) {
      const std::string& interface = port.String("an interface");
      const std::string endpoint = context.endpoints.Require(port, bridge.ns + ":" + interface);
      if (!ports.insert(endpoint).second) port.Fail(fmt::format("{} is a port already", Quoted(endpoint)));
      bridge.ports.push_back(interface);
    }
  }
  if (const auto list = fields.Find("addresses")) {
    for (const Node& address : list->Items("a list of addresses"))
      bridge.addresses.push_back(address.Parsed(IpPrefix::Parse, address.Text("an address")));
  }
  return bridge;
}

void ReadSysctlsByNamespace(const Node& node, const ReadContext& context, TopologySpec& spec) {
  for (const Entry& entry : ExpandedEntries(node, "sysctls (a map of namespace to sysctls)")) {
    const std::string ns = context.namespaces.Require(entry.key);
    const Sysctls sysctls = ReadSysctls(entry.value);
    for (NamespaceSpec& one : spec.namespaces) {
      if (one.name == ns) one.sysctls.insert(one.sysctls.end(), sysctls.begin(), sysctls.end());
    }
  }
}

}  // namespace

TopologySpec ReadTopologySection(const Node& node, ReadContext& context) {
  const Fields fields = node.RequireMap("a topology", kTopologyKeys);
  TopologySpec spec;
  context.has_topology = true;
  Mistakes& mistakes = context.mistakes;
  if (!mistakes.Try([&] { ReadNamespaces(fields.At("namespaces"), context, spec); })) {
    context.namespaces.MarkIncomplete();
    context.endpoints.MarkIncomplete();
  }
  const auto declare = [&](const auto& read) {
    if (!mistakes.Try(read)) context.endpoints.MarkIncomplete();
  };
  if (const auto links = fields.Find("links")) {
    for (const Node& link : ExpandedItems(*links, "a list of links"))
      declare([&] { spec.links.push_back(ReadLink(link, context)); });
  }
  if (const auto bridges = fields.Find("bridges")) {
    std::set<std::string> ports;
    for (const Node& bridge : ExpandedItems(*bridges, "a list of bridges"))
      declare([&] { spec.bridges.push_back(ReadBridge(bridge, context, ports)); });
  }
  if (const auto sysctls = fields.Find("sysctls"))
    mistakes.Try([&] { ReadSysctlsByNamespace(*sysctls, context, spec); });
  ReadNetworkSections(fields, context, spec);
  return spec;
}

}  // namespace knetlab
