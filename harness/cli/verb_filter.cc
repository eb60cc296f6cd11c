// SPDX-License-Identifier: Apache-2.0
// knetlab filter: a pcap-filter expression in all its forms, how large it is, and whether it is right.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "harness/cli/filter_report.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/filter_check.h"
#include "harness/scenario/filter_documents.h"
#include "harness/scenario/filter_forms.h"
#include "netns/error.h"

namespace knetlab {
namespace {

struct FilterArguments {
  std::optional<std::string> expression;
  std::vector<std::string> files;
  std::string classic;
  std::string target = "xdp", emit;
  std::string match, otherwise;
  bool stats = false, not_optimised = false;
  std::vector<std::string> captures;
};

Error Usage(std::string why, std::string hint) {
  return Error({.what = "usage of",
                .where = "knetlab filter",
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

// What must not be given together.
void RequireSense(const FilterArguments& arguments, const Options& options) {
  const int sources = (arguments.expression ? 1 : 0) + (arguments.files.empty() ? 0 : 1) +
                      (arguments.classic.empty() ? 0 : 1);
  if (sources != 1)
    throw Usage(sources == 0 ? "no filter is given" : "filters are given in several ways",
                "an expression, or -f FILE, or --cbpf FILE");
  const int deeds =
      (arguments.stats ? 1 : 0) + (arguments.captures.empty() ? 0 : 1) + (arguments.emit.empty() ? 0 : 1);
  if (deeds > 1) throw Usage("--emit, --stats and --check exclude each other", "");
  if (!arguments.emit.empty() && options.json)
    throw Usage("--emit writes the filter itself, not a document", "without --emit --json has the listings");
  if (!arguments.emit.empty() && !arguments.files.empty())
    throw Usage("--emit writes one filter, and -f has many", "give the expression itself");
  if (!arguments.classic.empty() && !arguments.captures.empty()) throw Usage("--check takes expressions", "");
  if ((!arguments.match.empty() || !arguments.otherwise.empty()) &&
      (arguments.stats || !arguments.captures.empty()))
    throw Usage("--match and --otherwise are for one filter", "");
}

std::vector<std::string> Expressions(const FilterArguments& arguments) {
  if (arguments.expression) return {*arguments.expression};
  std::vector<std::string> expressions;
  for (const std::string& file : arguments.files) {
    for (std::string& one : ReadExpressions(file)) expressions.push_back(std::move(one));
  }
  return expressions;
}

FilterLook LookOf(const Session& session) {
  return {.colour = session.output.colour(), .width = session.output.width()};
}

int CheckVerb(Session& session, const FilterArguments& arguments) {
  const FilterCheckResult result = CheckFilters({.expressions = Expressions(arguments),
                                                 .captures = arguments.captures,
                                                 .optimise = !arguments.not_optimised},
                                                session.interrupt.token());
  session.output.Write(session.options.json ? DumpDocument(FilterCheckDocument(result))
                                            : FilterCheckReport(result, LookOf(session)));
  return result.holds() ? kExitDone : kExitNotHeld;
}

int StatsVerb(Session& session, const FilterArguments& arguments) {
  std::vector<FilterStats> filters;
  if (!arguments.classic.empty()) {
    filters.push_back(StatsOf(Filter{"", ReadClassicFile(arguments.classic)}));
  } else {
    for (const std::string& expression : Expressions(arguments))
      filters.push_back(StatsOf(expression, !arguments.not_optimised));
  }
  session.output.Write(session.options.json ? DumpDocument(FilterStatsDocument(filters))
                                            : FilterStatsReport(filters, LookOf(session)));
  return kExitDone;
}

int FilterVerb(Session& session, const FilterArguments& arguments) {
  RequireSense(arguments, session.options);
  if (!arguments.captures.empty()) return CheckVerb(session, arguments);
  if (arguments.stats || !arguments.files.empty()) return StatsVerb(session, arguments);

  FilterOutput output{.match = arguments.match, .otherwise = arguments.otherwise};
  output.hook = FilterHookByName(arguments.target);
  // The form says where it goes.
  if (arguments.emit == "xtbpf") output.hook = FilterHook::kXtBpf;
  const Filter filter = arguments.expression
                            ? FilterOf(*arguments.expression, output.hook, !arguments.not_optimised)
                            : Filter{"", ReadClassicFile(arguments.classic)};
  if (!arguments.emit.empty()) {
    output.form = FilterFormByName(arguments.emit);
    session.output.Write(EmitFilter(filter, output));
  } else if (session.options.json) {
    session.output.Write(DumpDocument(FilterDocument(filter, output)));
  } else {
    session.output.Write(FilterReport(filter, output, LookOf(session)));
  }
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddFilter(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand(
      "filter", "Compile a pcap-filter expression: to cBPF, eBPF, C, an object; check it against libpcap");
  const auto arguments = std::make_shared<FilterArguments>();
  verb->add_option("EXPR", arguments->expression, "an expression, in tcpdump's language (pcap-filter(7))")
      ->type_name("EXPR");
  verb->add_option("-f,--file", arguments->files,
                   "read expressions, one a line; # begins a comment; may be given several times")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  verb->add_option("--cbpf", arguments->classic,
                   "read a classic BPF program, as tcpdump -ddd or --emit xtbpf writes it")
      ->type_name("FILE");
  verb->add_option("--target", arguments->target, "where it is to run: xdp, tc, socket, xtbpf (xdp)")
      ->type_name("TARGET")
      ->check(CLI::IsMember({"xdp", "tc", "socket", "xtbpf"}));
  verb->add_option(
          "--emit", arguments->emit,
          "write it as cbpf (tcpdump -ddd), ebpf (a listing), c, object (ELF, program filter) or xtbpf")
      ->type_name("FORM")
      ->check(CLI::IsMember({"cbpf", "ebpf", "c", "object", "xtbpf"}));
  verb->add_option("--match", arguments->match, "the verdict on a match (drop; socket: pass)")
      ->type_name("VERDICT");
  verb->add_option("--otherwise", arguments->otherwise, "the verdict elsewhere (pass; socket: drop)")
      ->type_name("VERDICT");
  verb->add_flag("-O,--no-optimise", arguments->not_optimised, "without libpcap's optimiser, as tcpdump -O");
  verb->add_flag("--stats", arguments->stats, "tell how many instructions each filter has");
  verb->add_option("--check", arguments->captures,
                   "run each filter in the kernel on every packet of these captures, through XDP and TC, and "
                   "compare with libpcap's interpreter")
      ->type_name("CAPTURE")
      ->expected(1, 1 << 20);
  AddOptions(*verb, options, {Opt::kJson, Opt::kOutput});
  verb->footer(
      "Exit status 1: a verdict differs from libpcap's.\n\n"
      "  knetlab filter 'udp dst port 53'\n"
      "  knetlab filter 'tcp port 80' --emit object -o filter.o\n"
      "  iptables -A INPUT -m bpf --bytecode \"$(knetlab filter 'tcp[13] = 2' --emit xtbpf)\" -j DROP\n"
      "  sudo knetlab filter -f filters.txt --check *.pcap");
  return {{verb, [arguments](Session& session) { return FilterVerb(session, *arguments); }}};
}

}  // namespace knetlab
