// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/try_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "harness/cli/table.h"
#include "harness/cli/text.h"

namespace knetlab {
namespace {

constexpr std::size_t kLabelWidth = 8;  // of "cost", "ledger"

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string TypeTitle(const std::string& type) {
  static const std::map<std::string, std::string> kTitles = {
      {"xdp", "XDP"}, {"sched_cls", "TC"}, {"sched_act", "TC action"}, {"socket_filter", "socket filter"}};
  const auto title = kTitles.find(type);
  return title == kTitles.end() ? type : title->second;
}

// The program, the capture and the rig, each with its facts: side by side where they fit, else one below
// another.
std::string Header(const TryResult& result, const TryLook& look) {
  struct Part {
    std::string name, facts;
  };
  const bool has_mode = result.rig != "unit" && !result.mode.empty();
  const std::array<Part, 3> parts = {
      {{result.program, fmt::format("{}, {}, verified in {}", TypeTitle(result.type),
                                    FormatPlural(result.instructions, "instruction"),
                                    FormatDuration(static_cast<double>(result.verified_ns) / 1e9))},
       {BaseName(result.capture), fmt::format("{}, {}", FormatPlural(result.packets.size(), "packet"),
                                              FormatBytes(result.capture_bytes))},
       {result.rig + " rig", fmt::format("{}{}Linux {}", has_mode ? result.mode : "", has_mode ? ", " : "",
                                         result.environment.kernel)}}};
  const std::string gap(6, ' ');
  std::string line, plain;
  Table table({{""}, {""}});
  for (const Part& part : parts) {
    const std::string name = TerminalSafe(part.name), facts = TerminalSafe(part.facts);
    plain += fmt::format("{}{}  {}", plain.empty() ? "" : gap, name, facts);
    line += fmt::format("{}{}  {}", line.empty() ? "" : gap, Paint(name, Style::kStrong, look.colour), facts);
    table.Add({{name, Style::kStrong}, facts});
  }
  if (DisplayWidth(plain) <= look.width) return line + "\n";
  return table.Render({.indent = 0, .colour = look.colour});
}

struct VerdictRow {
  std::string verdict;
  std::uint64_t packets = 0;
  const TriedPacket* first = nullptr;
};

std::vector<VerdictRow> ByCount(const TryResult& result) {
  std::map<std::string, VerdictRow> rows;
  for (const TriedPacket& packet : result.packets) {
    VerdictRow& row = rows[packet.result.verdict];
    row.verdict = packet.result.verdict;
    ++row.packets;
    if (row.first == nullptr || packet.result.index < row.first->result.index) row.first = &packet;
  }
  std::vector<VerdictRow> sorted;
  sorted.reserve(rows.size());
  for (auto& [verdict, row] : rows) sorted.push_back(row);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const VerdictRow& a, const VerdictRow& b) { return a.packets > b.packets; });
  return sorted;
}

std::string Verdicts(const TryResult& result, const TryLook& look) {
  if (result.packets.empty()) return "  the capture holds no packets\n";
  Table table({{"verdict"}, {"packets", Align::kRight}, {"share", Align::kRight}, {"first seen"}});
  const std::vector<VerdictRow> rows = ByCount(result);
  std::uint64_t last = 0;
  for (const VerdictRow& row : rows) last = std::max(last, row.first->result.index);
  const std::size_t digits = std::to_string(last).size();
  for (const VerdictRow& row : rows) {
    const bool lost = row.verdict == kVerdictLost || row.verdict == kVerdictRefused;
    table.Add({{row.verdict, lost ? Style::kBad : Style::kStrong},
               FormatCount(row.packets),
               FormatShare(row.packets, result.packets.size()),
               fmt::format("#{:<{}}  {}", row.first->result.index, digits, row.first->summary)});
  }
  return table.Render({.colour = look.colour});
}

// "label   text", a line of the foot.
std::string Labelled(std::string_view label, std::string_view text, bool colour) {
  return Paint(label, Style::kDim, colour) + std::string(kLabelWidth - label.size(), ' ') +
         TerminalSafe(text) + "\n";
}

std::string Cost(const TryCost& cost) {
  return fmt::format("{:.1f} ns a packet ({} x {} runs, {:.1f} to {:.1f})", cost.ns_per_packet, cost.samples,
                     FormatCount(cost.repeat), cost.low, cost.high);
}

std::string Places(const std::vector<LedgerEntry>& entries, const TryLook& look) {
  Table table({{"fate"}, {"packets", Align::kRight}, {"place"}, {"reason"}});
  for (const LedgerEntry& entry : entries) {
    table.Add({{std::string(FateName(entry.fate)), entry.fate == Fate::kLost ? Style::kBad : Style::kPlain},
               FormatCount(entry.count),
               entry.place,
               entry.reason});
  }
  return fmt::format("\n{}", table.Render({.colour = look.colour}));
}

std::string Foot(const TryResult& result, const TryLook& look) {
  std::string text;
  if (result.cost) text += Labelled("cost", Cost(*result.cost), look.colour);
  text += Labelled("ledger", LedgerSentence(result.ledger), look.colour);
  for (const std::string& missing : result.ledger.missing) text += Labelled("missing", missing, look.colour);
  for (const LedgerEntry& entry : result.ledger.background) {
    text += Labelled("beside",
                     fmt::format("{} of the kernel's own: {} at {}", FormatPlural(entry.count, "packet"),
                                 FateName(entry.fate), entry.place),
                     look.colour);
  }
  for (const std::string& note : result.notes) text += Labelled("lab", note, look.colour);
  // The unit rig has one place, unless packets were lost.
  if (result.rig != "unit" || result.ledger.Count(Fate::kLost) > 0)
    text += Places(result.ledger.entries, look);
  return text;
}

}  // namespace

std::string TryReport(const TryResult& result, const TryLook& look) {
  return Header(result, look) + "\n" + Verdicts(result, look) + "\n" + Foot(result, look);
}

}  // namespace knetlab
