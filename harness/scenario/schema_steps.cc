// SPDX-License-Identifier: Apache-2.0
// The schema of `steps:`.
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/schema_parts.h"

namespace knetlab::schema {
namespace {

// A number from 0, or compared.
Json NumberCheck() {
  return {{"title", "an expected number"},
          {"anyOf", Json::array({Json{{"type", "number"}, {"minimum", 0}},
                                 Json{{"type", "string"}, {"pattern", R"(^(<=|>=|==|<|>) *[0-9])"}},
                                 Ref("parameter")})}};
}

Json TimeCheck() {
  return {{"title", "an expected time"},
          {"anyOf",
           Json::array({Json{{"type", "string"}, {"pattern", R"(^(<=|>=|==|<|>)? *[0-9.e+]+(ns|us|ms|s)$)"}},
                        Ref("parameter")})}};
}

Json LedgerSchema() {
  const Json number = Ref("number");
  Json ledger = {{"title", "a ledger"}, {"type", "object"}, {"additionalProperties", false}};
  for (const FateKey& fate : kFateKeys)
    ledger["properties"][std::string(fate.word)] = {{"anyOf", Json::array({number, MapOf(number)})}};
  return OrParameter(std::move(ledger));
}

Json StepSchema() {
  Json step = BareObject("a step", kStepKeys,
                         {{"replay", Ref("replay"), "sends a capture"},
                          {"flood", Ref("flood"), "sends made-up packets"},
                          {"map", Ref("map-step"), "reads and writes a map of a program"},
                          {"exec", Ref("exec"), "runs a command in a namespace"},
                          {"expect", Ref("expect"), "compares what the steps since the last `expect` did"}});
  step["minProperties"] = 1;
  step["maxProperties"] = 1;
  return OrParameter(std::move(step));
}

Json Packets() {
  std::vector<std::string_view> fields;
  for (const IgnoreWord& word : kIgnoreWords) fields.push_back(word.word);
  Json ignored = {{"anyOf", Json::array({Words(fields),
                                         Json{{"type", "string"}, {"pattern", R"(^[0-9]+\.\.[0-9]+$)"}}})}};
  Json packets = BareObject(
      "packets", kPacketsKeys,
      {{"at", String(),
        "the endpoint that sees them: behind XDP and before TC ingress, or leaving, behind TC egress"},
       {"direction", Words({"in", "out"}),
        "`in`: what comes to the endpoint (where it is not given); `out`: what leaves it"},
       {"program", Scalar(), "instead of `at`: what comes out of a program; unit rig only"},
       {"golden", String(),
        "a capture, beside the scenario or in `../captures`, that they must equal; `knetlab run "
        "--update-golden` writes it"},
       {"ignore", ListOf(ignored),
        "what is not compared: `source-mac`, `destination-mac`, `ip-id`, `ttl`, `ip-checksum`, `checksum` "
        "(of TCP, UDP, "
        "ICMP), or bytes such as `12..13`, the Ethernet header beginning at 0"},
       {"order", Words({"same", "any"}), "`same` (where it is not given), or `any`"},
       {"count", Ref("number"), "how many there are"}});
  packets["oneOf"] = ExactlyOne(kPacketsPlaces);
  packets["anyOf"] =
      Json::array({Json{{"required", Json::array({"golden"})}}, Json{{"required", Json::array({"count"})}}});
  return OrParameter(std::move(packets));
}

Json Cost() {
  std::string metrics;
  for (const std::string_view metric : kCostMetrics)
    metrics += (metrics.empty() ? "" : "|") + std::string(metric);
  Json cost = {{"type", "object"}, {"additionalProperties", Ref("number")}};
  cost["propertyNames"] = {{"pattern", "^[^.]+\\.(" + metrics + ")$"}};
  return cost;
}

void AddReplay(Json& definitions) {
  definitions["replay"] = Object(
      "a replay", kReplayKeys,
      {{"capture", String(),
        "pcap or pcapng; beside the file that names it, or in `captures/` beside its folder"},
       {"from", String(), "the endpoint that sends. Required with a topology, not possible without one"},
       {"rate", Scalar(),
        "`max` (where it is not given), `original`, `x2.5` (times the original), `1000pps` or `1000`, "
        "`10.5mbps`"},
       {"loop", Integer(1, 1'000'000'000), "how many times, 1 where it is not given"},
       {"limit", Integer(1), "only the first packets of the capture"},
       {"method", Words(kMethods),
        "`af-packet` (where it is not given), `live-frames` (from within the kernel: counted, not followed), "
        "or "
        "`auto`"},
       {"rewrite", Ref("rewrite"), "what is changed in each packet"}});
  definitions["flood"] = Object(
      "a flood", kFloodKeys,
      {{"template", String(),
        "`syn`, `ack`, `udp`, `icmp`, `dns-query`, `dns-response`, `fragments`, `mixed`, "
        "`mixed:syn=4,udp=1`, or `hex:BYTES`"},
       {"from", String(), "the endpoint that sends"},
       {"count", Integer(1, 100'000'000'000), "so many packets"},
       {"rate", Scalar(), "as of a replay"},
       {"set", MapOf(Scalar()),
        "field -> what it is to be, as of `knetlab flood --set`: `{sport: 1024-65535}`"},
       {"ipv6", Boolean(), "make IPv6 packets"},
       {"seed", Integer(0), "the same packets for the same seed, 1 where it is not given"},
       {"distinct", Integer(1, 1'000'000), "make so many packets, and send them over and over"},
       {"method", Words(kMethods),
        "`auto` (where it is not given): `live-frames` where the other end takes them, else `af-packet`"}});
  definitions["rewrite"] =
      Object("a rewrite", kRewriteKeys,
             {{"source-mac", String(), "an Ethernet address, or an endpoint, whose address is meant"},
              {"destination-mac", String(), "the same"},
              {"addresses", MapOf(String()), "old -> new: exact matches, source and destination alike"},
              {"source", String(), "replaces all other source addresses of its family"},
              {"destination", String(), "replaces all other destination addresses of its family"}});
}

void AddExpect(Json& definitions) {
  definitions["expect"] = Object(
      "an expect", kExpectKeys,
      {{"ledger", LedgerSchema(),
        "fate -> number, or fate -> {place: number}. Fates: `drop`, `pass`, `transmit`, `redirect`, "
        "`deliver`, `lost`"},
       {"verdicts", MapOf(MapOf(Ref("number"))),
        "label of a program -> {verdict: number}. Verdicts have the kernel's names (`XDP_DROP`, "
        "`TC_ACT_SHOT`), "
        "`SOCKET_DROP`, `SOCKET_PASS`, `LOST`, or are numbers"},
       {"maps", ListOf(Ref("expect-map")), "a list of {**program**, **map**, **read**: [{key, value}]}"},
       {"packets", OneOrListOf(Ref("packets")),
        "packets at an endpoint, or a list of those: [Packets](#packets)"},
       {"latency", MapOf(Ref("latency")),
        "place, or label of a program -> {`p50`, `p90`, `p99`, `p999`, `max`: time}; of the whole run, wire "
        "rig only"},
       {"cost", Cost(),
        "`label.ns_per_packet` (or `label.instructions_per_packet`) -> number; of the whole run"}});
  definitions["expect-map"] = Object("a map to read", kExpectMapKeys,
                                     {{"program", Scalar(), "label of a program"},
                                      {"map", String(), "name of the map"},
                                      {"read", ListOf(Ref("map-entry")), "a list of {key, value}"}});
  definitions["packets"] = Packets();
  const Json time = Ref("time");
  definitions["latency"] = Object("a latency", kLatencyKeys,
                                  {{"p50", time, "the median"},
                                   {"p90", time, "what 90 of 100 packets stay below"},
                                   {"p99", time, "what 99 of 100 packets stay below"},
                                   {"p999", time, "what 999 of 1000 packets stay below"},
                                   {"max", time, "the longest of all"}});
}

}  // namespace

void AddSteps(Json& definitions) {
  definitions["number"] = NumberCheck();
  definitions["time"] = TimeCheck();
  definitions["step"] = StepSchema();
  AddReplay(definitions);
  definitions["map-step"] =
      Object("a map step", kMapStepKeys,
             {{"program", Scalar(), "label of a program"},
              {"map", String(), "name of the map"},
              {"write", ListOf(Ref("map-entry")), "a list of {key, value} to write"},
              {"read", ListOf(Ref("map-entry")), "a list of {key, value} that must be there"}});
  definitions["exec"] =
      Object("an exec", kExecKeys,
             {{"in", Scalar(), "a namespace"},
              {"argv", ListOf(Scalar()), "the command and its words; there is no shell"},
              {"status", Integer(0, 255), "what it must exit with, 0 where it is not given"},
              {"stdout", Ref("output"), "what it must print"},
              {"stderr", Ref("output"), "the same of its standard error"}});
  definitions["output"] =
      Object("what is printed", kOutputKeys,
             {{"contains", OneOrListOf(Scalar()), "a text that is in it, or a list of them"},
              {"equals", Scalar(), "the whole of it; a newline at the end makes no difference"},
              {"matches", Scalar(), "a regular expression (RE2) that matches somewhere in it"}});
  AddExpect(definitions);
}

}  // namespace knetlab::schema
