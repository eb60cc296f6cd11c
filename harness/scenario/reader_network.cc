// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/reader_network.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/yaml_family.h"

namespace knetlab {
namespace {

constexpr std::int64_t kMostU32 = UINT32_MAX;

IpAddress ReadAddress(const Node& node) {
  return node.Parsed(IpAddress::Parse, node.Text("an IP address"));
}
IpPrefix ReadPrefix(const Node& node) {
  return node.Parsed(IpPrefix::Parse, node.Text("an IP prefix"));
}

// An interface of the namespace: declared, or "lo".
std::string ReadDevice(const Node& node, const std::string& ns, const ReadContext& context) {
  const std::string& device = node.String("the name of an interface");
  if (device != "lo") context.endpoints.Require(node, ns + ":" + device);
  return device;
}

std::uint32_t ReadTable(const Node& node) {
  if (node.is_integer()) return static_cast<std::uint32_t>(node.Integer(1, kMostU32));
  const std::string& name = node.Text("the number of a table, or main, local, default");
  if (name == "main") return 254;
  if (name == "local") return 255;
  if (name == "default") return 253;
  node.FailType("the number of a table, or main, local, default");
}

NexthopSpec ReadNexthop(const Fields& fields, const std::string& ns, const ReadContext& context) {
  NexthopSpec nexthop;
  if (const auto via = fields.Find("via")) nexthop.via = ReadAddress(*via);
  if (const auto device = fields.Find("dev")) nexthop.device = ReadDevice(*device, ns, context);
  if (!fields.Has("via") && !fields.Has("dev")) fields.map().Fail("a nexthop needs \"via\", \"dev\" or both");
  return nexthop;
}

std::vector<NexthopSpec> ReadNexthops(const Node& node, const std::string& ns, const ReadContext& context) {
  std::vector<NexthopSpec> nexthops;
  for (const Node& item : node.Items("a list of nexthops")) {
    const Fields fields = item.RequireMap("a nexthop", kNexthopKeys);
    nexthops.push_back(ReadNexthop(fields, ns, context));
    if (const auto weight = fields.Find("weight"))
      nexthops.back().weight = static_cast<int>(weight->Integer(1, 256));
  }
  if (nexthops.empty()) node.Fail("a list of nexthops without one");
  return nexthops;
}

// `default` is of the family of the gateway, IPv4 where there is none.
IpPrefix ReadDestination(const Node& node, const std::vector<NexthopSpec>& nexthops) {
  if (node.Text("an IP prefix or default") != "default") return ReadPrefix(node);
  const bool v6 = !nexthops.empty() && nexthops[0].via.family == AF_INET6;
  return IpPrefix::Parse(v6 ? "::/0" : "0.0.0.0/0");
}

RouteSpec ReadRoute(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a route", kRouteKeys);
  RouteSpec route;
  route.ns = context.namespaces.Require(fields.At("in"));
  if (const auto type = fields.Find("type")) {
    route.type = type->Text("the type of a route");
    if (std::find(std::begin(kRouteTypes), std::end(kRouteTypes), route.type) == std::end(kRouteTypes))
      type->Fail(fmt::format("{} is no type of a route", Quoted(route.type)),
                 HintAmong(route.type, {std::begin(kRouteTypes), std::end(kRouteTypes)}));
  }
  const bool direct = fields.Has("via") || fields.Has("dev");
  const bool leads_somewhere = route.type == "unicast" || route.type == "local";
  if (const auto list = fields.Find("nexthops")) {
    if (direct) list->Fail("\"nexthops\" excludes \"via\" and \"dev\"");
    route.nexthops = ReadNexthops(*list, route.ns, context);
  } else if (direct) {
    route.nexthops = {ReadNexthop(fields, route.ns, context)};
  }
  if (leads_somewhere && route.nexthops.empty())
    node.Fail("the route leads nowhere", "give \"via\", \"dev\" or \"nexthops\"");
  if (!leads_somewhere && !route.nexthops.empty())
    node.Fail(fmt::format("a route of type {} has no nexthop", route.type));
  route.destination = ReadDestination(fields.At("to"), route.nexthops);
  const auto same_family = [&](const Node& at, const IpAddress& address) {
    if (address.family != 0 && address.family != route.destination.address.family)
      at.Fail(fmt::format("{} is not of the family of {}", address.ToString(), route.destination.ToString()));
  };
  for (const NexthopSpec& nexthop : route.nexthops) same_family(node, nexthop.via);
  if (const auto table = fields.Find("table")) route.table = ReadTable(*table);
  if (const auto source = fields.Find("source")) {
    route.source = ReadAddress(*source);
    same_family(*source, *route.source);
  }
  return route;
}

int ReadFamily(const Node& node) {
  const std::string& text = node.Text("inet or inet6");
  if (text == "inet") return AF_INET;
  if (text == "inet6") return AF_INET6;
  node.FailType("inet or inet6");
}

RuleSpec ReadRule(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a rule", kRuleKeys);
  RuleSpec rule;
  rule.ns = context.namespaces.Require(fields.At("in"));
  if (const auto family = fields.Find("family")) rule.family = ReadFamily(*family);
  const auto read_selector = [&](std::string_view key, std::optional<IpPrefix>& prefix) {
    const auto selector = fields.Find(key);
    if (!selector) return;
    prefix = ReadPrefix(*selector);
    if (rule.family != 0 && rule.family != prefix->address.family)
      selector->Fail(fmt::format("{} is not of the family of the rule", prefix->ToString()));
    rule.family = prefix->address.family;
  };
  read_selector("from", rule.from);
  read_selector("to", rule.to);
  if (rule.family == 0) rule.family = AF_INET;
  if (const auto mark = fields.Find("fwmark"))
    rule.fwmark = static_cast<std::uint32_t>(mark->Integer(0, kMostU32));
  if (const auto iif = fields.Find("iif")) rule.iif = ReadDevice(*iif, rule.ns, context);
  rule.table = ReadTable(fields.At("table"));
  if (const auto priority = fields.Find("priority"))
    rule.priority = static_cast<std::uint32_t>(priority->Integer(0, kMostU32));
  return rule;
}

NeighbourSpec ReadNeighbour(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a neighbour", kNeighbourKeys);
  const std::string ns = context.namespaces.Require(fields.At("in"));
  const Node& mac = fields.At("mac");
  return {.ns = ns,
          .device = ReadDevice(fields.At("dev"), ns, context),
          .address = ReadAddress(fields.At("address")),
          .mac = mac.Parsed(MacAddress::Parse, mac.Text("an Ethernet address"))};
}

QdiscSpec ReadQdisc(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a qdisc", kQdiscKeys);
  QdiscSpec qdisc;
  qdisc.ns = context.namespaces.Require(fields.At("in"));
  qdisc.device = ReadDevice(fields.At("dev"), qdisc.ns, context);
  qdisc.kind = ReadLabel(fields.At("kind"), "a kind of qdisc");
  if (const auto options = fields.Find("options")) {
    for (const Entry& entry : options->Entries("the options of a qdisc (a map)"))
      qdisc.options[ReadLabel(entry.key, "an option")] = entry.value.Text("the value of an option");
  }
  return qdisc;
}

template <typename Spec>
void ReadList(const Fields& topology, std::string_view key, const ReadContext& context,
              Spec (*read)(const Node&, const ReadContext&), std::vector<Spec>& specs) {
  const auto list = topology.Find(key);
  if (!list) return;
  for (const Node& item : ExpandedItems(*list, fmt::format("a list of {}", key)))
    context.mistakes.Try([&] { specs.push_back(read(item, context)); });
}

}  // namespace

void ReadNetworkSections(const Fields& topology, const ReadContext& context, TopologySpec& spec) {
  ReadList(topology, "routes", context, ReadRoute, spec.routes);
  ReadList(topology, "rules", context, ReadRule, spec.rules);
  ReadList(topology, "neighbours", context, ReadNeighbour, spec.neighbours);
  ReadList(topology, "qdiscs", context, ReadQdisc, spec.qdiscs);
}

}  // namespace knetlab
