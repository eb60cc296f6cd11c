// SPDX-License-Identifier: Apache-2.0
// The `expect` step.
#include <fmt/format.h>

#include <algorithm>

#include "harness/program/verdict.h"
#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

void ReadLedger(const Node& node, ExpectStep& expect) {
  std::vector<Key> keys;
  for (const FateKey& fate : kFateKeys) keys.push_back({fate.word});
  const Fields fields = node.RequireMap("a ledger", keys);
  for (const FateKey& fate : kFateKeys) {
    const auto value = fields.Find(fate.word);
    if (!value) continue;
    if (!value->is_map()) {
      expect.ledger.push_back({.fate = fate.fate, .place = "", .number = ReadNumberCheck(*value)});
      continue;
    }
    for (const Entry& entry : value->Entries("a map of place to number"))
      expect.ledger.push_back(
          {.fate = fate.fate, .place = entry.key.Text("a place"), .number = ReadNumberCheck(entry.value)});
  }
}

// Of the kinds of programs that have verdicts, and what a packet has that never met the program.
std::vector<std::string> KnownVerdicts() {
  constexpr int kLast = 16;
  std::vector<std::string> names{"LOST"};
  for (const bpf_prog_type type : {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER}) {
    for (int code = -1; code <= kLast; ++code) names.push_back(VerdictName(type, code));
  }
  std::erase_if(names,
                [](const std::string& name) { return name[0] == '-' || (name[0] >= '0' && name[0] <= '9'); });
  return names;
}

void ReadVerdicts(const Node& node, const ReadContext& context, ExpectStep& expect) {
  const std::vector<std::string> known = KnownVerdicts();
  for (const Entry& program : node.Entries("verdicts (a map of program to verdicts)")) {
    const std::string label = context.programs.Require(program.key);
    for (const Entry& verdict : program.value.Entries("a map of verdict to number")) {
      const std::string& name = verdict.name();
      // A code that the kernel has no name for is its number.
      if (!verdict.key.is_integer() && std::find(known.begin(), known.end(), name) == known.end())
        verdict.key.Fail(fmt::format("{} is no verdict", Quoted(name)), HintAmong(name, known));
      expect.verdicts.push_back(
          {.program = label, .verdict = name, .number = ReadNumberCheck(verdict.value)});
    }
  }
}

}  // namespace

ExpectStep ReadExpect(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("an expect", kExpectKeys);
  ExpectStep expect;
  if (const auto ledger = fields.Find("ledger")) ReadLedger(*ledger, expect);
  if (const auto verdicts = fields.Find("verdicts")) ReadVerdicts(*verdicts, context, expect);
  if (const auto maps = fields.Find("maps")) {
    for (const Node& map : maps->Items("a list of maps to read"))
      expect.maps.push_back(ReadMapStep(map.RequireMap("a map to read", kExpectMapKeys), context));
  }
  if (const auto packets = fields.Find("packets")) ReadPacketsChecks(*packets, context, expect);
  if (const auto latency = fields.Find("latency")) ReadLatencyChecks(*latency, expect);
  if (const auto cost = fields.Find("cost")) ReadCostChecks(*cost, context, expect);
  if (expect.ledger.empty() && expect.verdicts.empty() && expect.maps.empty() && expect.packets.empty() &&
      expect.latency.empty() && expect.cost.empty())
    node.Fail("nothing is expected");
  return expect;
}

}  // namespace knetlab
