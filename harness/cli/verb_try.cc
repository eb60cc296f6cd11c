// SPDX-License-Identifier: Apache-2.0
// knetlab try: what does this program do to this capture?
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "harness/cli/try_report.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/try.h"

namespace knetlab {
namespace {

struct TryArguments {
  std::string object, capture;
};

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// "filter.o:main" is a program of an object, unless a file has the whole name.
void SplitObject(const std::string& text, TryOptions& options) {
  const std::size_t colon = text.rfind(':');
  options.object = text;
  if (colon == std::string::npos || Exists(text)) return;
  options.object = text.substr(0, colon);
  options.program = text.substr(colon + 1);
}

// What to type for the same on real veths.
std::string Next(const TryArguments& arguments, const Options& options) {
  std::string text = fmt::format("next    knetlab try {} {} --rig wire", arguments.object, arguments.capture);
  if (options.hook != "auto") text += " --hook " + options.hook;
  if (options.limit) text += fmt::format(" --limit {}", *options.limit);
  return text + "\n";
}

int TryVerb(Session& session, const TryArguments& arguments) {
  const Options& options = session.options;
  TryOptions wanted;
  SplitObject(arguments.object, wanted);
  wanted.capture = arguments.capture;
  wanted.hook = options.hook;
  if (!options.rig.empty()) wanted.rig = options.rig;
  if (options.limit) wanted.limit = *options.limit;
  wanted.capture_output = options.capture;

  const TryResult result = Try(wanted, session.interrupt.token());
  if (options.json) {
    session.output.Write(DumpDocument(TryDocument(result)));
  } else {
    session.output.Write(
        TryReport(result, {.colour = session.output.colour(), .width = session.output.width()}));
    if (result.rig == "unit") session.output.Write(Next(arguments, options));
  }
  return result.ledger.balanced() ? kExitDone : kExitNotHeld;
}

}  // namespace

std::vector<Verb> AddTry(CLI::App& command, Options& options) {
  CLI::App* verb =
      command.add_subcommand("try", "What a program does to a capture: verdicts, cost, and a ledger");
  const auto arguments = std::make_shared<TryArguments>();
  verb->add_option("OBJECT", arguments->object, "a BPF object file, with :PROGRAM where several fit")
      ->type_name("OBJECT[:PROGRAM]")
      ->required();
  verb->add_option("CAPTURE", arguments->capture, "a pcap or pcapng file of Ethernet packets")
      ->type_name("FILE")
      ->required();
  AddOptions(*verb, options, {Opt::kHook, Opt::kRig, Opt::kLimit, Opt::kCapture, Opt::kJson, Opt::kOutput});
  verb->footer(
      "The rig is unit unless told otherwise. Exit status 1: the ledger does not balance.\n\n"
      "  sudo knetlab try filter.o dns.pcap\n"
      "  sudo knetlab try filter.o:xdp_main dns.pcap --rig wire");
  return {{verb, [arguments](Session& session) { return TryVerb(session, *arguments); }}};
}

}  // namespace knetlab
