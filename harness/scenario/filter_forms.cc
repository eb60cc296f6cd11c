// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "harness/filter/c_source.h"
#include "harness/filter/disassembler.h"
#include "harness/filter/object_writer.h"
#include "harness/program/verdict.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::size_t kMostXtBpf = 64;  // XT_BPF_MAX_NUM_INSTR
constexpr std::size_t kMostFileBytes = std::size_t{16} << 20;

template <typename T>
struct Named {
  std::string_view name;
  T value;
};

constexpr std::array kHooks = {
    Named<FilterHook>{"xdp", FilterHook::kXdp}, Named<FilterHook>{"tc", FilterHook::kTc},
    Named<FilterHook>{"socket", FilterHook::kSocket}, Named<FilterHook>{"xtbpf", FilterHook::kXtBpf}};
constexpr std::array kForms = {
    Named<FilterForm>{"cbpf", FilterForm::kClassic}, Named<FilterForm>{"ebpf", FilterForm::kEbpf},
    Named<FilterForm>{"c", FilterForm::kC}, Named<FilterForm>{"object", FilterForm::kObject},
    Named<FilterForm>{"xtbpf", FilterForm::kXtBpf}};

template <typename Table>
auto ByName(const Table& table, std::string_view name, const char* what) {
  std::vector<std::string> names;
  for (const auto& one : table) {
    if (one.name == name) return one.value;
    names.emplace_back(one.name);
  }
  throw Error({.what = fmt::format("choose {}", what),
               .where = std::string(name),
               .why = "there is no such",
               .hint = NearestHint(name, names),
               .detail = "",
               .code = EINVAL});
}

std::string_view NameOf(FilterHook hook) {
  return kHooks[static_cast<std::size_t>(hook)].name;
}

bpf_prog_type TypeOf(FilterHook hook) {
  switch (hook) {
    case FilterHook::kXdp:
      return BPF_PROG_TYPE_XDP;
    case FilterHook::kTc:
      return BPF_PROG_TYPE_SCHED_CLS;
    default:
      return BPF_PROG_TYPE_SOCKET_FILTER;
  }
}

FilterTarget TargetOf(const FilterOutput& output) {
  if (output.hook == FilterHook::kXdp) return output.fragments ? FilterTarget::kXdpFrags : FilterTarget::kXdp;
  return output.hook == FilterHook::kTc ? FilterTarget::kTc : FilterTarget::kSocket;
}

Error Unfit(const FilterOutput& output, std::string why, std::string hint) {
  return Error({.what = "write filter",
                .where = fmt::format("for {}", NameOf(output.hook)),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

// A socket filter returns how many bytes to keep.
std::int32_t CodeOf(FilterHook hook, const std::string& verdict, const char* unless_given) {
  const std::string& name = verdict.empty() ? unless_given : verdict;
  if (hook != FilterHook::kSocket) return VerdictByName(TypeOf(hook), name);
  constexpr std::int32_t kWhole = 262144;
  if (name == "drop" || name == "pass") return name == "pass" ? kWhole : 0;
  throw Error({.what = "choose a verdict",
               .where = name,
               .why = "a socket filter keeps a packet or not",
               .hint = "there are: drop, pass",
               .detail = "",
               .code = EINVAL});
}

// The kernel runs classic BPF of sockets and of iptables itself.
void RequireKernelRuns(const ClassicProgram& program, FilterHook hook) {
  if (hook != FilterHook::kSocket && hook != FilterHook::kXtBpf) return;
  RequireKernelTakes(program);
  if (hook == FilterHook::kXtBpf && program.size() > kMostXtBpf) {
    throw Error({.what = "hand filter to the kernel",
                 .where = "xt_bpf",
                 .why = fmt::format("{} instructions; iptables takes {}", program.size(), kMostXtBpf),
                 .hint = "parts of it as rules of their own, or the targets xdp and tc",
                 .detail = "",
                 .code = E2BIG});
  }
}

std::string CText(const Filter& filter, const FilterOutput& output) {
  if (output.hook != FilterHook::kXdp && output.hook != FilterHook::kTc)
    throw Unfit(output, "C is written for xdp and tc", "--emit cbpf");
  const bpf_prog_type type = TypeOf(output.hook);
  const auto name = [&](const std::string& verdict, const char* unless_given) {
    return VerdictName(type, CodeOf(output.hook, verdict, unless_given));
  };
  return CSource(filter.program, {.comment = filter.expression,
                                  .frame = output.hook == FilterHook::kXdp ? CFrame::kXdp : CFrame::kTc,
                                  .match = name(output.match, "drop"),
                                  .otherwise = name(output.otherwise, "pass")});
}

std::string WholeText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ErrnoError("read filters", path, errno);
  std::string text;
  std::array<char, 65536> buffer{};
  while (file.read(buffer.data(), buffer.size()), file.gcount() > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMostFileBytes) throw ErrnoError("read filters", path, EFBIG);
  }
  if (file.bad()) throw ErrnoError("read filters", path, errno != 0 ? errno : EIO);
  return text;
}

std::string Trimmed(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

}  // namespace

FilterHook FilterHookByName(std::string_view name) {
  return ByName(kHooks, name, "a target");
}

FilterForm FilterFormByName(std::string_view name) {
  return ByName(kForms, name, "what to write");
}

Filter FilterOf(const std::string& expression, FilterHook hook, bool optimise) {
  const LinkLayer link = hook == FilterHook::kXtBpf ? LinkLayer::kRawIp : LinkLayer::kEthernet;
  return {expression, CompileExpression(expression, {.link = link, .optimise = optimise})};
}

Code CompileFor(const Filter& filter, const FilterOutput& output) {
  if (output.hook != FilterHook::kXtBpf) {
    // A socket keeps what matches, as with the capture filters of tcpdump; elsewhere it is what a firewall
    // drops.
    const bool keeps = output.hook == FilterHook::kSocket;
    return CompileFilter(filter.program,
                         {.target = TargetOf(output),
                          .match = CodeOf(output.hook, output.match, keeps ? "pass" : "drop"),
                          .otherwise = CodeOf(output.hook, output.otherwise, keeps ? "drop" : "pass")});
  }
  throw Unfit(output, "iptables takes classic BPF", "--emit xtbpf");
}

std::string EmitFilter(const Filter& filter, const FilterOutput& output) {
  const bool verdicts = !output.match.empty() || !output.otherwise.empty();
  const bool classic = output.form == FilterForm::kClassic || output.form == FilterForm::kXtBpf;
  if (classic && verdicts)
    throw Unfit(output, "classic BPF has no verdicts: it returns how much of a packet matches", "");
  if (classic) RequireKernelRuns(filter.program, output.hook);
  switch (output.form) {
    case FilterForm::kClassic:
      return FormatClassic(filter.program, ClassicFormat::kDecimal);
    case FilterForm::kXtBpf:
      return FormatClassic(filter.program, ClassicFormat::kXtBpf) + "\n";
    case FilterForm::kEbpf:
      return Listing(CompileFor(filter, output));
    case FilterForm::kC:
      return CText(filter, output);
    case FilterForm::kObject:
      break;
  }
  const Code code = CompileFor(filter, output);
  const bool fragments = output.hook == FilterHook::kXdp && output.fragments;
  return ObjectFile({.section = fragments ? "xdp.frags" : std::string(NameOf(output.hook)),
                     .code = code,
                     .line = filter.expression});
}

FilterStats StatsOf(const Filter& filter) {
  FilterStats stats;
  stats.expression = filter.expression;
  stats.classic = filter.program.size();
  const auto count = [&](FilterHook hook) -> std::optional<std::size_t> {
    try {
      return CompileFor(filter, {.hook = hook, .form = FilterForm::kEbpf, .match = "", .otherwise = ""})
          .instructions.size();
    } catch (const Error& error) {
      const std::string why = fmt::format("{}: {}", NameOf(hook), error.parts().why);
      stats.error += (stats.error.empty() ? "" : "; ") + why;
      return std::nullopt;
    }
  };
  stats.xdp = count(FilterHook::kXdp);
  stats.tc = count(FilterHook::kTc);
  return stats;
}

FilterStats StatsOf(const std::string& expression, bool optimise) {
  try {
    return StatsOf(FilterOf(expression, FilterHook::kXdp, optimise));
  } catch (const Error& error) {
    return {expression, 0, std::nullopt, std::nullopt, error.parts().why};
  }
}

std::vector<std::string> ReadExpressions(const std::string& path) {
  const std::string text = WholeText(path);
  std::vector<std::string> expressions;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = Trimmed(text.substr(begin, end - begin));
    if (!line.empty() && line[0] != '#') expressions.push_back(std::move(line));
    begin = end + 1;
  }
  return expressions;
}

ClassicProgram ReadClassicFile(const std::string& path) {
  return ParseClassic(WholeText(path), path);
}

}  // namespace knetlab
