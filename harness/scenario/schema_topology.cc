// SPDX-License-Identifier: Apache-2.0
// The schema of `topology:`.
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/schema_parts.h"

namespace knetlab::schema {
namespace {

Json Namespaces() {
  return {
      {"anyOf", Json::array({ListOf(Scalar()),
                             MapOf({{"anyOf", Json::array({Ref("namespace"), Json{{"type", "null"}}})}})})}};
}

Json Table() {
  return {{"anyOf",
           Json::array({Json{{"type", "integer"}, {"minimum", 1}}, Words({"main", "local", "default"})})}};
}

Json Link() {
  Json ends = {{"title", "the two ends of a link"},
               {"type", "array"},
               {"items", String()},
               {"minItems", 2},
               {"maxItems", 2}};
  Json link = BareObject(
      "a link", kLinkKeys,
      {{"ends", OrParameter(ends), "its two ends: `namespace:interface`, then any number of addresses"},
       {"mtu", Integer(68, 65535), "68 to 65535; else 1500, or what the largest frame needs"},
       {"queues", Integer(1, 1024), "rx and tx queues, 1 to 1024"},
       {"mac", ListOf(String()),
        "two Ethernet addresses, one an end; else the lab chooses, the same in each run"},
       {"offloads", MapOf(Boolean()), "names of `ethtool -k` -> `on` or `off`"},
       {"sysfs", MapOf(Scalar()), "files of `/sys/class/net/INTERFACE` -> value, as the kernel takes it"}});
  return {{"anyOf", Json::array({std::move(ends), std::move(link), Ref("parameter")})}};
}

}  // namespace

void AddTopology(Json& definitions) {
  const Json word = Scalar();
  definitions["topology"] =
      Object("a topology", kTopologyKeys,
             {{"namespaces", Namespaces(),
               "a list of names, or a map `{client: {sysctls: {ipv4.ip_forward: 1}}, server: {}}`"},
              {"links", ListOf(Ref("link")), "a list of links"},
              {"bridges", ListOf(Ref("bridge")), "a list of bridges"},
              {"routes", ListOf(Ref("route")), "a list of routes"},
              {"rules", ListOf(Ref("rule")), "a list of rules of policy routing"},
              {"neighbours", ListOf(Ref("neighbour")),
               "a list of permanent entries. Both ends of a link know each other anyway"},
              {"sysctls", MapOf(MapOf(word)), "namespace -> {path without `net.`: value}"},
              {"qdiscs", ListOf(Ref("qdisc")), "a list of qdiscs"}});
  definitions["namespace"] =
      Object("a namespace", kNamespaceKeys, {{"sysctls", MapOf(word), "path without `net.` -> value"}});
  definitions["link"] = Link();
  definitions["bridge"] = Object("a bridge", kBridgeKeys,
                                 {{"in", word, "a namespace"},
                                  {"name", String(), "its interface"},
                                  {"ports", ListOf(String()), "interfaces of that namespace"},
                                  {"addresses", ListOf(String()), "prefixes"}});
  definitions["route"] = Object(
      "a route", kRouteKeys,
      {{"in", word, "a namespace"},
       {"to", String(), "a prefix, or `default`: of the family of `via`, and IPv4 where there is none"},
       {"via", String(), "the address of the next hop"},
       {"dev", String(), "an interface of the namespace, or `lo`"},
       {"type", Words(kRouteTypes),
        "`unicast` (where it is not given), `local`, `blackhole`, `unreachable` or `prohibit`; the first two "
        "need `via`, "
        "`dev` or `nexthops`, the others have none"},
       {"table", Table(), "a number, or `main`, `local`, `default`"},
       {"nexthops", ListOf(Ref("nexthop")), "a list of {via, dev, weight: 1 to 256}"},
       {"source", String(), "the preferred source address"}});
  definitions["nexthop"] = Object("a nexthop", kNexthopKeys,
                                  {{"via", String(), "an address"},
                                   {"dev", String(), "an interface of the namespace"},
                                   {"weight", Integer(1, 256), "1 to 256"}});
  definitions["rule"] =
      Object("a rule", kRuleKeys,
             {{"in", word, "a namespace"},
              {"from", String(), "a prefix"},
              {"to", String(), "a prefix"},
              {"fwmark", Integer(0, UINT32_MAX), "a mark of packets"},
              {"iif", String(), "the interface that packets come from"},
              {"table", Table(), "a number, or `main`, `local`, `default`"},
              {"priority", Integer(0, UINT32_MAX), "the order of rules"},
              {"family", Words({"inet", "inet6"}), "`inet` or `inet6`, where no prefix tells"}});
  definitions["neighbour"] = Object("a neighbour", kNeighbourKeys,
                                    {{"in", word, "a namespace"},
                                     {"dev", String(), "an interface of the namespace"},
                                     {"address", String(), "an IP address"},
                                     {"mac", String(), "its Ethernet address"}});
  definitions["qdisc"] =
      Object("a qdisc", kQdiscKeys,
             {{"in", word, "a namespace"},
              {"dev", String(), "an interface of the namespace"},
              {"kind", word, "`tbf`, `netem`, `fq` ..."},
              {"options", MapOf(word), "name -> value as `tc` takes them: `1mbit`, `32k`, `10ms`, `1%`"}});
}

}  // namespace knetlab::schema
