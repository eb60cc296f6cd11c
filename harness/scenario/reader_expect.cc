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

bool HoldsSomething(const Fields& fields, std::string_view key) {
  const auto part = fields.Find(key);
  return part && (part->is_scalar() || !part->tree()->items.empty() || !part->tree()->pairs.empty());
}

}  // namespace

ExpectStep ReadExpect(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("an expect", kExpectKeys);
  ExpectStep expect;
  // Each part by itself, so that a mistake in one does not hide those in others.
  const auto read = [&](std::string_view key, const auto& work) {
    if (const auto part = fields.Find(key)) context.mistakes.Try([&] { work(*part); });
  };
  read("ledger", [&](const Node& part) { ReadLedger(part, expect); });
  read("verdicts", [&](const Node& part) { ReadVerdicts(part, context, expect); });
  read("maps", [&](const Node& part) {
    for (const Node& map : part.Items("a list of maps to read"))
      expect.maps.push_back(ReadMapStep(map.RequireMap("a map to read", kExpectMapKeys), context));
  });
  read("packets", [&](const Node& part) { ReadPacketsChecks(part, context, expect); });
  read("latency", [&](const Node& part) { ReadLatencyChecks(part, expect); });
  read("cost", [&](const Node& part) { ReadCostChecks(part, context, expect); });
  const bool has_part = std::any_of(std::begin(kExpectKeys), std::end(kExpectKeys),
                                    [&](const Key& key) { return HoldsSomething(fields, key.name); });
  if (!has_part) node.Fail("nothing is expected");
  return expect;
}

}  // namespace knetlab
