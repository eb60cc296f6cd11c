// SPDX-License-Identifier: Apache-2.0
// The words of the scenario language: what each map may hold. The reader checks files against these tables,
// the JSON Schema is made from them (schema.h).
#pragma once

#include <string_view>

#include "harness/measure/ledger.h"
#include "harness/scenario/yaml_node.h"

namespace knetlab {

constexpr bool kRequired = true;

inline constexpr Key kScenarioKeys[] = {{"name", kRequired},
                                        {"summary", kRequired},
                                        {"tags"},
                                        {"requires"},
                                        {"timeout"},
                                        {"care"},
                                        {"repeat"},
                                        {"include"},
                                        {"parameters"},
                                        {"matrix"},
                                        {"cases"},
                                        {"topology"},
                                        {"sockets"},
                                        {"programs"},
                                        {"capture"},
                                        {"steps", kRequired}};

inline constexpr Key kTopologyKeys[] = {{"namespaces", kRequired},
                                        {"links"},
                                        {"bridges"},
                                        {"routes"},
                                        {"rules"},
                                        {"neighbours"},
                                        {"sysctls"},
                                        {"qdiscs"}};
inline constexpr Key kNamespaceKeys[] = {{"sysctls"}};
inline constexpr Key kLinkKeys[] = {{"ends", kRequired}, {"mtu"},  {"queues"}, {"mac"},
                                    {"offloads"},        {"sysfs"}};
inline constexpr Key kBridgeKeys[] = {{"in", kRequired}, {"name", kRequired}, {"ports"}, {"addresses"}};
inline constexpr Key kRouteKeys[] = {{"in", kRequired}, {"to", kRequired}, {"via"},      {"dev"},
                                     {"type"},          {"table"},         {"nexthops"}, {"source"}};
inline constexpr Key kNexthopKeys[] = {{"via"}, {"dev"}, {"weight"}};
inline constexpr Key kRuleKeys[] = {{"in", kRequired},    {"from"},     {"to"},    {"fwmark"}, {"iif"},
                                    {"table", kRequired}, {"priority"}, {"family"}};
inline constexpr Key kNeighbourKeys[] = {
    {"in", kRequired}, {"dev", kRequired}, {"address", kRequired}, {"mac", kRequired}};
inline constexpr Key kQdiscKeys[] = {{"in", kRequired}, {"dev", kRequired}, {"kind", kRequired}, {"options"}};
inline constexpr std::string_view kRouteTypes[] = {"unicast", "local", "blackhole", "unreachable",
                                                   "prohibit"};

inline constexpr Key kSocketKeys[] = {{"udp"},     {"tcp"},    {"packet"},   {"in", kRequired},
                                      {"receive"}, {"buffer"}, {"reuseport"}};
inline constexpr std::string_view kSocketKinds[] = {"udp", "tcp", "packet"};

inline constexpr Key kProgramKeys[] = {{"object"}, {"filter"}, {"program"}, {"type"},
                                       {"attach"}, {"maps"},   {"globals"}};
inline constexpr std::string_view kProgramSources[] = {"object", "filter"};
// What only an object has.
inline constexpr std::string_view kObjectKeys[] = {"program", "type", "maps", "globals"};
inline constexpr Key kProgramMapKeys[] = {{"size"}, {"contents"}, {"share"}};
inline constexpr Key kMapEntryKeys[] = {{"key", kRequired}, {"value", kRequired}};

inline constexpr Key kCaptureKeys[] = {{"file", kRequired}, {"programs"}, {"verdicts"}, {"filter"},
                                       {"before"},          {"snaplen"},  {"sample"},   {"method"}};

inline constexpr Key kValueKeys[] = {{"hex"}, {"text"}, {"ifindex"}, {"socket"}, {"u8"},  {"u16"},
                                     {"u32"}, {"u64"},  {"be16"},    {"be32"},   {"be64"}};

inline constexpr Key kStepKeys[] = {{"replay"}, {"flood"}, {"map"}, {"exec"}, {"expect"}};
inline constexpr std::string_view kStepKinds[] = {"replay", "flood", "map", "exec", "expect"};
inline constexpr Key kReplayKeys[] = {
    {"capture", kRequired}, {"from"}, {"rate"}, {"loop"}, {"limit"}, {"method"}, {"rewrite"}};
inline constexpr Key kFloodKeys[] = {{"template", kRequired},
                                     {"from"},
                                     {"count", kRequired},
                                     {"rate"},
                                     {"set"},
                                     {"ipv6"},
                                     {"seed"},
                                     {"distinct"},
                                     {"method"}};
inline constexpr std::string_view kMethods[] = {"auto", "live-frames", "af-packet"};
inline constexpr Key kRewriteKeys[] = {
    {"source-mac"}, {"destination-mac"}, {"addresses"}, {"source"}, {"destination"}};
inline constexpr Key kMapStepKeys[] = {{"program", kRequired}, {"map", kRequired}, {"write"}, {"read"}};
inline constexpr Key kExecKeys[] = {
    {"in", kRequired}, {"argv", kRequired}, {"status"}, {"stdout"}, {"stderr"}};
inline constexpr Key kOutputKeys[] = {{"contains"}, {"equals"}, {"matches"}};
inline constexpr Key kExpectKeys[] = {{"ledger"}, {"verdicts"}, {"maps"}, {"packets"}, {"latency"}, {"cost"}};
inline constexpr Key kPacketsKeys[] = {{"at"},     {"direction"}, {"program"}, {"golden"},
                                       {"ignore"}, {"order"},     {"count"}};
inline constexpr std::string_view kCostMetrics[] = {"ns_per_packet", "instructions_per_packet"};
inline constexpr std::string_view kPacketsPlaces[] = {"at", "program"};
inline constexpr Key kLatencyKeys[] = {{"p50"}, {"p90"}, {"p99"}, {"p999"}, {"max"}};
inline constexpr Key kExpectMapKeys[] = {{"program", kRequired}, {"map", kRequired}, {"read", kRequired}};

struct IgnoreWord {
  std::string_view word;
  IgnoredBytes::Field field;
};
inline constexpr IgnoreWord kIgnoreWords[] = {{"source-mac", IgnoredBytes::Field::kSourceMac},
                                              {"destination-mac", IgnoredBytes::Field::kDestinationMac},
                                              {"ip-id", IgnoredBytes::Field::kIpId},
                                              {"ttl", IgnoredBytes::Field::kTtl},
                                              {"ip-checksum", IgnoredBytes::Field::kIpChecksum},
                                              {"checksum", IgnoredBytes::Field::kChecksum}};

struct FateKey {
  std::string_view word;
  Fate fate;
};
inline constexpr FateKey kFateKeys[] = {{"drop", Fate::kDropped},         {"pass", Fate::kPassed},
                                        {"transmit", Fate::kTransmitted}, {"redirect", Fate::kRedirected},
                                        {"deliver", Fate::kDelivered},    {"lost", Fate::kLost}};

}  // namespace knetlab
