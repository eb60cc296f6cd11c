// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace knetlab {
namespace {

std::string EntriesOf(const Ledger& ledger, Fate fate) {
  std::string text;
  for (const LedgerEntry& entry : ledger.entries) {
    if (entry.fate != fate) continue;
    text += fmt::format("{}{} at {}{}", text.empty() ? "" : ", ", entry.count, entry.place,
                        entry.reason.empty() ? "" : " (" + entry.reason + ")");
  }
  return text;
}

// The words of `expect: ledger:`, which DESIGN gives as what is done to a packet, not what became of it.
std::string_view KeyOf(Fate fate) {
  switch (fate) {
    case Fate::kDropped:
      return "drop";
    case Fate::kPassed:
      return "pass";
    case Fate::kTransmitted:
      return "transmit";
    case Fate::kRedirected:
      return "redirect";
    case Fate::kDelivered:
      return "deliver";
    case Fate::kLost:
      return "lost";
  }
  return "";
}

CheckResult BalanceCheck(const Ledger& ledger, const Mark& mark) {
  CheckResult result{"ledger.balanced", ledger.balanced(), "", mark};
  if (!result.pass) {
    result.message = fmt::format("{} of {} packets are unaccounted for: ", ledger.unaccounted, ledger.sent);
    for (const std::string& missing : ledger.missing) result.message += missing + "; ";
    result.message += LedgerSentence(ledger);
  }
  return result;
}

// Per-CPU values come one after another, each rounded up to 8 bytes: their sum, in the width of one value. A
// value of several 64-bit counters is summed counter by counter.
std::vector<std::byte> SumOverCpus(const std::vector<std::byte>& values, std::size_t size) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const std::size_t stride = (size + kWord - 1) / kWord * kWord;
  const std::size_t width = size % kWord == 0 ? kWord : size;
  std::vector<std::byte> sums(size);
  for (std::size_t at = 0; at + width <= size; at += kWord) {
    std::uint64_t sum = 0;
    for (std::size_t cpu = 0; cpu + stride <= values.size(); cpu += stride) {
      std::uint64_t value = 0;
      std::memcpy(&value, values.data() + cpu + at, std::min(width, kWord));
      sum += value;
    }
    std::memcpy(sums.data() + at, &sum, std::min(width, kWord));
  }
  return sums;
}

}  // namespace

std::vector<CheckResult> CheckLedger(const std::vector<LedgerCheck>& checks, const Ledger& ledger,
                                     const Mark& mark) {
  std::vector<CheckResult> results = {BalanceCheck(ledger, mark)};
  bool lost_expected = false;
  for (const LedgerCheck& check : checks) {
    std::uint64_t found =
        check.place.empty() ? ledger.Count(check.fate) : ledger.CountAt(check.fate, check.place);
    CheckResult result{fmt::format("ledger.{}", KeyOf(check.fate)),
                       check.number.Holds(static_cast<double>(found)), "", check.number.mark};
    if (!check.place.empty()) result.expect += "." + check.place;
    if (!result.pass) {
      std::string entries = EntriesOf(ledger, check.fate);
      result.message = fmt::format("expected {} {}{}, found {}{}; {}", check.number.ToString(),
                                   FateName(check.fate), check.place.empty() ? "" : " at " + check.place,
                                   found, entries.empty() ? "" : ": " + entries, LedgerSentence(ledger));
    }
    lost_expected |= check.fate == Fate::kLost;
    results.push_back(std::move(result));
  }
  if (std::uint64_t lost = ledger.Count(Fate::kLost); !lost_expected && lost > 0) {
    results.push_back({"ledger.lost", false,
                       fmt::format("expected 0 lost, found {}: {}", lost, EntriesOf(ledger, Fate::kLost)),
                       mark});
  }
  return results;
}

std::vector<CheckResult> CheckVerdicts(const std::vector<VerdictCheck>& checks,
                                       const VerdictCounts& verdicts) {
  std::vector<CheckResult> results;
  for (const VerdictCheck& check : checks) {
    std::uint64_t found = 0;
    std::string all;
    if (auto program = verdicts.find(check.program); program != verdicts.end()) {
      if (auto count = program->second.find(check.verdict); count != program->second.end())
        found = count->second;
      for (const auto& [name, count] : program->second)
        all += fmt::format("{}{} {}", all.empty() ? "" : ", ", count, name);
    }
    CheckResult result{fmt::format("verdicts.{}.{}", check.program, check.verdict),
                       check.number.Holds(static_cast<double>(found)), "", check.number.mark};
    if (!result.pass) {
      result.message = fmt::format("expected {} {}, found {}; {} decided: {}", check.number.ToString(),
                                   check.verdict, found, check.program, all.empty() ? "nothing" : all);
    }
    results.push_back(std::move(result));
  }
  return results;
}

std::vector<CheckResult> CheckMap(const MapStep& step, const LoadedPrograms& programs,
                                  const EndpointAccess& endpoints, const Mark& mark) {
  std::vector<CheckResult> results;
  const BpfMap& map = programs.at(step.program).object.map(step.map);
  for (const MapEntrySpec& entry : step.read) {
    std::vector<std::byte> key = EncodeValue(entry.key, map.key_size(), endpoints);
    std::vector<std::byte> wanted = EncodeValue(entry.value, map.value_size(), endpoints);
    std::optional<std::vector<std::byte>> found = map.Lookup(key);
    if (found && map.per_cpu()) found = SumOverCpus(*found, map.value_size());
    CheckResult result{fmt::format("map.{}.{}[{}]", step.program, step.map, DescribeBytes(key)),
                       found == wanted, "", entry.value.mark.line > 0 ? entry.value.mark : mark};
    if (!result.pass) {
      result.message = fmt::format("expected {}, found {}", DescribeBytes(wanted),
                                   found ? DescribeBytes(*found) : "no entry of this key");
    }
    results.push_back(std::move(result));
  }
  return results;
}

void WriteMap(const MapStep& step, const LoadedPrograms& programs, const EndpointAccess& endpoints) {
  WriteEntries(programs.at(step.program).object.map(step.map), step.write, endpoints);
}

}  // namespace knetlab
