// SPDX-License-Identifier: Apache-2.0
// `steps:` but `expect`, which is in reader_expect.cc.
#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/output_check.h"
#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

constexpr std::int64_t kMostLoops = 1'000'000'000;
constexpr std::int64_t kMostFlood = 100'000'000'000;
constexpr std::int64_t kMostDistinct = 1'000'000;

IpAddress ReadIp(const Node& node) {
  return node.Parsed(IpAddress::Parse, node.Text("an IP address"));
}

// An Ethernet address, or the endpoint whose address it is.
void ReadMac(const Node& node, const ReadContext& context, std::optional<MacAddress>& mac,
             std::string& mac_of) {
  const std::string& text = node.Text("an Ethernet address or an endpoint");
  if (context.endpoints.Has(text)) {
    mac_of = text;
    return;
  }
  try {
    mac = MacAddress::Parse(text);
  } catch (const Error&) {
    mac_of = context.endpoints.Require(node, text);  // fails, with the nearest endpoint
  }
}

void ReadRewrite(const Node& node, const ReadContext& context, ReplayStep& replay) {
  const Fields fields = node.RequireMap("a rewrite", kRewriteKeys);
  Rewrite& rewrite = replay.options.rewrite;
  if (const auto mac = fields.Find("source-mac"))
    ReadMac(*mac, context, rewrite.source_mac, replay.source_mac_of);
  if (const auto mac = fields.Find("destination-mac"))
    ReadMac(*mac, context, rewrite.destination_mac, replay.destination_mac_of);
  if (const auto addresses = fields.Find("addresses")) {
    for (const Entry& entry : addresses->Entries("addresses (a map of address to address)")) {
      const IpAddress from = ReadIp(entry.key), to = ReadIp(entry.value);
      if (from.family != to.family)
        entry.value.Fail("an address of the other family", "IPv4 becomes IPv4, IPv6 becomes IPv6");
      if (!rewrite.addresses.emplace(from, to).second)
        entry.key.Fail(fmt::format("{} is there twice", from.ToString()));
    }
  }
  if (const auto address = fields.Find("source")) rewrite.source = ReadIp(*address);
  if (const auto address = fields.Find("destination")) rewrite.destination = ReadIp(*address);
}

// What replays and floods have in common.
void ReadSending(const Node& node, const Fields& fields, const char* what, const ReadContext& context,
                 ReplayStep& replay) {
  if (const auto from = fields.Find("from")) {
    if (!context.has_topology)
      from->Fail("the scenario has no topology to send in", "leave \"from\" out, or declare a topology");
    replay.from = context.endpoints.Require(*from);
  } else if (context.has_topology) {
    node.Fail(fmt::format("the key \"from\" is missing in a {}", what), "an endpoint of the topology");
  }
  if (const auto rate = fields.Find("rate"))
    replay.options.pace = rate->Parsed(Pace::Parse, rate->Text("a rate"));
  if (const auto method = fields.Find("method"))
    replay.method = method->Parsed(ParseMethod, method->Text("a method"));
}

ReplayStep ReadFlood(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a flood", kFloodKeys);
  ReplayStep replay;
  replay.method = Method::kAuto;
  ReadSending(node, fields, "flood", context, replay);
  FloodOptions& flood = replay.flood.emplace();
  flood.flood = fields.At("template").Text("a template");
  if (flood.flood.find_first_of("./") != std::string::npos)
    fields.At("template").Fail("a file is no template", "replay sends captures");
  replay.options.count = static_cast<std::uint64_t>(fields.At("count").Integer(1, kMostFlood));
  if (const auto set = fields.Find("set")) {
    for (const Entry& entry : set->Entries("fields (a map of field to what it is to be)"))
      flood.sets.push_back(fmt::format("{}={}", entry.name(), entry.value.Text("what a field is to be")));
  }
  if (const auto ipv6 = fields.Find("ipv6")) flood.ipv6 = ipv6->Boolean();
  if (const auto seed = fields.Find("seed"))
    flood.seed = static_cast<std::uint64_t>(seed->Integer(0, INT64_MAX));
  if (const auto distinct = fields.Find("distinct"))
    flood.packets = static_cast<std::uint64_t>(distinct->Integer(1, kMostDistinct));
  flood.packets = std::min(flood.packets, replay.options.count);
  replay.options.loops = (replay.options.count + flood.packets - 1) / flood.packets;
  try {
    const FloodFeed checked(flood);
  } catch (const Error& error) {
    fields.At("template")
        .Fail(fmt::format("{}: {}", error.parts().where, error.parts().why), error.parts().hint);
  }
  return replay;
}

ReplayStep ReadReplay(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a replay", kReplayKeys);
  ReplayStep replay;
  replay.capture = FindCapture(fields.At("capture"));
  ReadSending(node, fields, "replay", context, replay);
  if (const auto loop = fields.Find("loop"))
    replay.options.loops = static_cast<std::uint64_t>(loop->Integer(1, kMostLoops));
  if (const auto limit = fields.Find("limit"))
    replay.limit = static_cast<std::uint64_t>(limit->Integer(1, INT64_MAX));
  if (const auto rewrite = fields.Find("rewrite")) ReadRewrite(*rewrite, context, replay);
  return replay;
}

// {contains: text or list of texts, equals: text, matches: expression}
void ReadOutput(const Node& node, OutputCheck::Stream stream, ExecStep& exec) {
  const Fields fields = node.RequireMap("what is printed", kOutputKeys);
  const auto add = [&](OutputCheck::Kind kind, const Node& text) {
    exec.output.push_back({stream, kind, text.Text("text"), text.mark()});
  };
  if (const auto contains = fields.Find("contains")) {
    if (!contains->is_sequence()) add(OutputCheck::Kind::kContains, *contains);
    if (contains->is_sequence()) {
      for (const Node& item : contains->Items("a list of texts")) add(OutputCheck::Kind::kContains, item);
    }
  }
  if (const auto equals = fields.Find("equals")) add(OutputCheck::Kind::kEquals, *equals);
  if (const auto matches = fields.Find("matches")) {
    if (const std::string why = RegexMistake(matches->Text("a regular expression")); !why.empty())
      matches->Fail(fmt::format("{} is no regular expression: {}", Quoted(matches->tree()->text), why),
                    "the syntax is that of RE2");
    add(OutputCheck::Kind::kMatches, *matches);
  }
}

ExecStep ReadExec(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("an exec", kExecKeys);
  ExecStep exec;
  exec.ns = context.namespaces.Require(fields.At("in"));
  const Node& argv = fields.At("argv");
  for (const Node& word : argv.Items("a command as a list of words"))
    exec.argv.push_back(word.Text("a word of the command"));
  if (exec.argv.empty() || exec.argv[0].empty()) argv.Fail("the command is empty");
  if (const auto status = fields.Find("status")) exec.status = static_cast<int>(status->Integer(0, 255));
  if (const auto output = fields.Find("stdout")) ReadOutput(*output, OutputCheck::Stream::kStdout, exec);
  if (const auto output = fields.Find("stderr")) ReadOutput(*output, OutputCheck::Stream::kStderr, exec);
  return exec;
}

MapStep ReadMapAction(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a map step", kMapStepKeys);
  MapStep step = ReadMapStep(fields, context);
  if (step.write.empty() && step.read.empty())
    node.Fail("a map step without entries", "give \"write\", \"read\" or both");
  return step;
}

Step ReadStep(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a step", kStepKeys);
  const Entry& step = fields.OneOf(kStepKinds);
  const auto read = [&]() -> decltype(Step::what) {
    if (step.name() == "replay") return ReadReplay(step.value, context);
    if (step.name() == "flood") return ReadFlood(step.value, context);
    if (step.name() == "map") return ReadMapAction(step.value, context);
    if (step.name() == "exec") return ReadExec(step.value, context);
    return ReadExpect(step.value, context);
  };
  return {.what = read(), .mark = step.key.mark()};
}

}  // namespace

MapStep ReadMapStep(const Fields& fields, const ReadContext& context) {
  MapStep step;
  step.program = context.programs.Require(fields.At("program"));
  step.map = ReadSymbol(fields.At("map"), "a map");
  if (const auto write = fields.Find("write")) step.write = ReadMapEntries(*write, context);
  if (const auto read = fields.Find("read")) step.read = ReadMapEntries(*read, context);
  return step;
}

std::vector<Step> ReadStepsSection(const Node& node, const ReadContext& context) {
  std::vector<Step> steps;
  for (const Node& step : node.Items("a list of steps"))
    context.mistakes.Try([&] { steps.push_back(ReadStep(step, context)); });
  return steps;
}

}  // namespace knetlab
