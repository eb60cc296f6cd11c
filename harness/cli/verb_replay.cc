// SPDX-License-Identifier: Apache-2.0
// knetlab replay: sends a capture out of an interface.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "harness/cli/send_options.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/traffic/capture_stream.h"

namespace knetlab {
namespace {

struct ReplayArguments {
  std::string capture;
  SendArguments send;
};

int ReplayVerb(Session& session, const ReplayArguments& arguments) {
  const SendRequest request = RequestOf(arguments.send, session.options, {Pace::Kind::kOriginal, 0});
  CaptureStream capture(arguments.capture, session.options.limit);
  const int status = SendAndReport(session, "replay", capture, request);
  if (!capture.notice().empty())
    fmt::print(stderr, "{}: {}\n", TerminalSafe(capture.name()), TerminalSafe(capture.notice()));
  return status;
}

}  // namespace

std::vector<Verb> AddReplay(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("replay", "Sends a capture out of any interface");
  const auto arguments = std::make_shared<ReplayArguments>();
  verb->add_option("CAPTURE", arguments->capture, "a pcap or pcapng file of Ethernet packets")
      ->type_name("FILE")
      ->required();
  AddTargetOptions(*verb, arguments->send);
  AddPaceOptions(*verb, arguments->send, true);
  verb->add_option("--multiplier", arguments->send.multiplier, "so many times as fast as it was captured")
      ->type_name("X");
  verb->add_flag("--original", arguments->send.original, "as it was captured, which is what it does anyway");
  verb->add_option("-l,--loop", arguments->send.loops,
                   "send it so many times; 0: until it is stopped (1, or 0 with --duration)")
      ->type_name("N");
  verb->add_option("--threads", arguments->send.threads,
                   "send by so many threads, each a part of every loop; live-frames at --topspeed only (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 64).description(""));
  AddOptions(*verb, options, {Opt::kLimit, Opt::kCount, Opt::kDuration, Opt::kJson, Opt::kOutput});
  verb->footer(
      "A capture need not fit the memory. Options that tcpreplay has too mean the same.\n\n"
      "  sudo knetlab replay dns.pcap --dev eth0\n"
      "  sudo knetlab replay dns.pcap --dev eth0 --netns client --topspeed --loop 1000");
  return {{verb, [arguments](Session& session) { return ReplayVerb(session, *arguments); }}};
}

}  // namespace knetlab
