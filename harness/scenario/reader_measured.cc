// SPDX-License-Identifier: Apache-2.0
// The parts of `expect` that look at packets, latency and cost.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

constexpr std::size_t kMostOffset = 262'144;  // the largest packet of a capture
constexpr double kMostNanoseconds = 1e18;

// "12..13", from the Ethernet header on.
std::optional<IgnoredBytes> ParseRange(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto first = ParseUnsigned(std::string_view(text).substr(0, dots));
  const auto last = ParseUnsigned(std::string_view(text).substr(dots + 2));
  if (!first || !last || *first > *last || *last > kMostOffset) return std::nullopt;
  return IgnoredBytes{.field = IgnoredBytes::Field::kRange,
                      .first = static_cast<std::size_t>(*first),
                      .last = static_cast<std::size_t>(*last)};
}

IgnoredBytes ReadIgnored(const Node& node) {
  const std::string& word = node.Text("a field of a packet, or a range of bytes such as 12..13");
  std::vector<std::string> words;
  for (const IgnoreWord& known : kIgnoreWords) {
    if (known.word == word) return {.field = known.field};
    words.emplace_back(known.word);
  }
  if (const auto range = ParseRange(word)) return *range;
  std::string hint = HintAmong(word, words);
  node.Fail(fmt::format("{} is no field of a packet and no range of bytes", Quoted(word)),
            hint.empty() ? "such as ip-id, or 12..13" : std::move(hint));
}

// One of two words; true for the second.
bool ReadChoice(const Node& node, std::string_view first, std::string_view second) {
  const std::string expected = fmt::format("{} or {}", first, second);
  const std::string& word = node.Text(expected);
  if (word != first && word != second) node.FailType(expected);
  return word == second;
}

PacketsCheck ReadPackets(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("packets", kPacketsKeys);
  PacketsCheck check;
  check.mark = node.mark();
  const Entry& place = fields.OneOf(kPacketsPlaces);
  if (place.name() == "at") {
    check.at = context.endpoints.Require(place.value);
  } else {
    check.program = context.programs.Require(place.value);
  }
  if (const auto direction = fields.Find("direction")) {
    if (check.at.empty()) direction->Fail("\"direction\" goes with \"at\"");
    check.sent = ReadChoice(*direction, "in", "out");
  }
  if (const auto golden = fields.Find("golden")) {
    check.mark = golden->mark();
    check.golden = FindGolden(*golden, check.golden_is_there);
    if (!check.golden_is_there && !context.options.golden_may_be_missing)
      golden->Fail(fmt::format("the golden capture {} is not there", Quoted(golden->tree()->text)),
                   "knetlab run --update-golden writes it");
  }
  if (const auto ignore = fields.Find("ignore")) {
    for (const Node& item : ignore->Items("a list of what is not compared"))
      check.ignore.push_back(ReadIgnored(item));
  }
  if (const auto order = fields.Find("order")) check.any_order = ReadChoice(*order, "same", "any");
  for (const std::string_view key : {"ignore", "order"}) {
    if (fields.Has(key) && check.golden.empty())
      fields.At(key).Fail(fmt::format("\"{}\" goes with \"golden\"", key));
  }
  if (const auto count = fields.Find("count")) check.count = ReadNumberCheck(*count);
  if (check.golden.empty() && !check.count) node.Fail("nothing is expected", "give \"golden\" or \"count\"");
  return check;
}

// "< 200us", "<= 1.5ms", "0": nanoseconds.
NumberCheck ReadTimeCheck(const Node& node) {
  static constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  constexpr std::string_view kExpected = "a comparison with a time, such as \"< 200us\"";
  const std::string& text = node.Text(kExpected);
  for (const auto& [suffix, ns] : kUnits) {
    if (!text.ends_with(suffix)) continue;
    const std::string bare = text.substr(0, text.size() - suffix.size());
    if (bare.empty() || bare.back() < '0' || bare.back() > '9') continue;
    auto number = MakeScalar(*node.tree(), bare);
    number->quoted = false;
    NumberCheck check = ReadNumberCheck(Node(node.document(), number));
    check.value *= ns;
    if (check.value > kMostNanoseconds) break;
    return check;
  }
  node.FailType(kExpected, "with a unit: ns, us, ms or s");
}

}  // namespace

void ReadPacketsChecks(const Node& node, const ReadContext& context, ExpectStep& expect) {
  if (!node.is_sequence()) {
    expect.packets.push_back(ReadPackets(node, context));
    return;
  }
  for (const Node& item : node.Items("a list of packets"))
    expect.packets.push_back(ReadPackets(item, context));
}

void ReadLatencyChecks(const Node& node, ExpectStep& expect) {
  for (const Entry& place : node.Entries("latency (a map of place to quantiles)")) {
    const Fields fields = place.value.RequireMap("a latency", kLatencyKeys);
    for (const Key& key : kLatencyKeys) {
      if (const auto number = fields.Find(key.name))
        expect.latency.push_back({.place = place.key.Text("a place"),
                                  .metric = std::string(key.name),
                                  .number = ReadTimeCheck(*number)});
    }
  }
}

void ReadCostChecks(const Node& node, const ReadContext& context, ExpectStep& expect) {
  for (const Entry& entry : node.Entries("cost (a map of program.metric to number)")) {
    const std::string& text = entry.key.String("program.metric");
    const std::size_t dot = text.find('.');
    if (dot == std::string::npos) entry.key.FailType("program.metric", "such as filter.ns_per_packet");
    const std::string metric = text.substr(dot + 1);
    const std::vector<std::string> metrics(std::begin(kCostMetrics), std::end(kCostMetrics));
    const std::string label = context.programs.Require(entry.key, text.substr(0, dot));
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
      entry.key.Fail(fmt::format("{} is no metric of cost", Quoted(metric)), HintAmong(metric, metrics));
    expect.cost.push_back({.program = label, .metric = metric, .number = ReadNumberCheck(entry.value)});
  }
}

}  // namespace knetlab
