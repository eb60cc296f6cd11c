// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/filter_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/filter/disassembler.h"

namespace knetlab {
namespace {

constexpr std::size_t kGap = 4;
constexpr std::size_t kMostShown = 10;  // of differences; --json has more

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    std::replace(line.begin(), line.end(), '\t', ' ');  // tcpdump has one between jt and jf
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

struct Block {
  std::string title;
  std::vector<std::string> lines;

  std::size_t width() const {
    std::size_t most = DisplayWidth(title);
    for (const std::string& line : lines) most = std::max(most, DisplayWidth(line));
    return most;
  }
};

std::string Below(const std::vector<Block>& blocks, const FilterLook& look) {
  std::string text;
  for (const Block& block : blocks) {
    text += fmt::format("\n  {}\n", Paint(block.title, Style::kStrong, look.colour));
    for (const std::string& line : block.lines) text += "  " + line + "\n";
  }
  return text;
}

std::string Beside(const Block& left, const Block& right, const FilterLook& look) {
  const std::size_t width = left.width() + kGap;
  std::string text = fmt::format("\n  {}{}{}\n", Paint(left.title, Style::kStrong, look.colour),
                                 std::string(width - DisplayWidth(left.title), ' '),
                                 Paint(right.title, Style::kStrong, look.colour));
  for (std::size_t i = 0; i < std::max(left.lines.size(), right.lines.size()); ++i) {
    std::string line = "  " + (i < left.lines.size() ? left.lines[i] : "");
    if (i < right.lines.size()) {
      line.resize(width + 2, ' ');
      line += right.lines[i];
    }
    text += line + "\n";
  }
  return text;
}

std::string HookTitle(FilterHook hook) {
  switch (hook) {
    case FilterHook::kXdp:
      return "XDP";
    case FilterHook::kTc:
      return "TC";
    case FilterHook::kSocket:
      return "sockets";
    default:
      return "iptables";
  }
}

// What to type for the forms that can be used.
std::string Next(const Filter& filter, const FilterOutput& output) {
  if (filter.expression.empty() || filter.expression.find('\'') != std::string::npos) return "";
  switch (output.hook) {
    case FilterHook::kXdp:
      return fmt::format("\nnext    knetlab filter '{}' --emit object -o filter.o\n", filter.expression);
    case FilterHook::kTc:
      return fmt::format("\nnext    knetlab filter '{}' --target tc --emit object -o filter.o\n",
                         filter.expression);
    case FilterHook::kXtBpf:
      return fmt::format(
          "\nnext    iptables -A INPUT -m bpf --bytecode \"$(knetlab filter '{}' --emit xtbpf)\" -j DROP\n",
          filter.expression);
    default:
      return "";
  }
}

std::string Count(const std::optional<std::size_t>& count) {
  return count ? FormatCount(*count) : "-";
}

std::string Word(bool matches) {
  return matches ? "match" : "no match";
}

}  // namespace

std::string FilterReport(const Filter& filter, const FilterOutput& output, const FilterLook& look) {
  std::string text =
      Paint(filter.expression.empty() ? "a classic BPF program" : TerminalSafe(filter.expression),
            Style::kStrong, look.colour) +
      "\n";
  std::vector<Block> blocks;
  blocks.push_back({fmt::format("cBPF{}, {}", output.hook == FilterHook::kXtBpf ? " for iptables" : "",
                                FormatPlural(filter.program.size(), "instruction")),
                    Lines(FormatClassic(filter.program, ClassicFormat::kReadable))});
  if (output.hook != FilterHook::kXtBpf) {
    const Code code = CompileFor(filter, output);
    blocks.push_back({fmt::format("eBPF for {}, {}", HookTitle(output.hook),
                                  FormatPlural(code.instructions.size(), "instruction")),
                      Lines(Listing(code))});
  }
  const bool fits = blocks.size() == 2 && 2 + blocks[0].width() + kGap + blocks[1].width() <= look.width;
  text += fits ? Beside(blocks[0], blocks[1], look) : Below(blocks, look);
  return text + Next(filter, output);
}

std::string FilterStatsReport(const std::vector<FilterStats>& filters, const FilterLook& look) {
  Table table({{"expression"}, {"cBPF", Align::kRight}, {"XDP", Align::kRight}, {"TC", Align::kRight}});
  std::uint64_t classic = 0, xdp = 0, tc = 0, counted = 0;
  for (const FilterStats& one : filters) {
    table.Add(
        {one.expression, one.classic == 0 ? "-" : FormatCount(one.classic), Count(one.xdp), Count(one.tc)});
    if (!one.error.empty()) table.AddBelow(0, {"  " + one.error, Style::kBad});
    if (!one.xdp || !one.tc) continue;
    ++counted;
    classic += one.classic;
    xdp += *one.xdp;
    tc += *one.tc;
  }
  std::string text = table.Render({.indent = 0, .colour = look.colour});
  return text + fmt::format("\n{}: {} instructions of cBPF, {} of eBPF for XDP, {} for TC\n",
                            FormatPlural(counted, "filter"), FormatCount(classic), FormatCount(xdp),
                            FormatCount(tc));
}

std::string FilterCheckReport(const FilterCheckResult& result, const FilterLook& look) {
  std::string text = fmt::format("{} on {} ({} different) of {}, through XDP and TC of Linux {}, in {}\n\n",
                                 FormatPlural(result.expressions, "expression"),
                                 FormatPlural(result.packets.total, "packet"), FormatCount(result.distinct),
                                 FormatPlural(result.packets.captures.size(), "capture"),
                                 result.environment.kernel, FormatDuration(result.duration_s));
  Table sums({{""}, {"", Align::kRight}, {""}});
  const auto differs = result.difference_count > 0 ? Style::kBad : Style::kGood;
  sums.Add({"compared", FormatCount(result.comparisons),
            fmt::format("verdicts, {} of them matches", FormatCount(result.matches))});
  sums.Add({{"differences", differs},
            {FormatCount(result.difference_count), differs},
            "with libpcap's interpreter"});
  if (!result.not_run.empty())
    sums.Add({{"not run", Style::kBad},
              FormatCount(result.not_run.size()),
              "packets that the kernel did not take"});
  if (!result.packets.cut.empty())
    sums.Add({"cut", FormatCount(result.packets.cut.size()), "packets longer than a hook takes"});
  if (result.packets.padded > 0)
    sums.Add({"padded", FormatCount(result.packets.padded), "packets, to 14 bytes"});
  if (!result.refused.empty()) sums.Add({"refused", FormatCount(result.refused.size()), ""});
  text += sums.Render({.colour = look.colour});

  if (!result.differences.empty()) {
    Table table(
        {{"expression"}, {"capture"}, {"packet", Align::kRight}, {"target"}, {"libpcap"}, {"kernel"}});
    for (const FilterDifference& one : result.differences) {
      if (&one - result.differences.data() == static_cast<std::ptrdiff_t>(kMostShown)) break;
      table.Add({one.expression, one.capture.substr(one.capture.rfind('/') + 1),
                 fmt::format("#{}", one.packet), one.target, Word(one.expected), Word(one.got)});
    }
    text += "\n" + table.Render({.colour = look.colour});
  }
  if (!result.refused.empty()) {
    Table table({{"refused"}, {"why"}});
    for (const FilterRefusal& one : result.refused)
      table.Add({one.expression, (one.target.empty() ? "" : one.target + ": ") + one.why});
    text += "\n" + table.Render({.colour = look.colour});
  }
  for (const std::string& notice : result.packets.notices) text += TerminalSafe(notice) + "\n";
  return text;
}

}  // namespace knetlab
