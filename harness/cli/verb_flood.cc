// SPDX-License-Identifier: Apache-2.0
// knetlab flood: sends made-up packets out of an interface.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "harness/cli/send_options.h"
#include "harness/cli/verbs.h"
#include "harness/traffic/flood.h"

namespace knetlab {
namespace {

struct FloodArguments {
  FloodOptions flood;
  SendArguments send;
};

int FloodVerb(Session& session, const FloodArguments& arguments) {
  SendRequest request = RequestOf(arguments.send, session.options, {Pace::Kind::kMax, 0});
  FloodOptions flood = arguments.flood;
  flood.seed = session.options.seed;
  if (session.options.count) flood.packets = std::min(flood.packets, *session.options.count);
  // Round after round until the count, the time or the user ends it.
  request.options.loops = kEndlessLoops;
  FloodFeed feed(flood);
  return SendAndReport(session, "flood", feed, request);
}

}  // namespace

std::vector<Verb> AddFlood(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("flood", "Sends made-up packets out of any interface");
  const auto arguments = std::make_shared<FloodArguments>();
  verb->add_option("TEMPLATE", arguments->flood.flood,
                   "syn, ack, udp, icmp, dns-query, dns-response, fragments, mixed (mixed:syn=4,udp=1 by "
                   "weights), hex:BYTES, or a capture")
      ->type_name("TEMPLATE")
      ->required();
  AddTargetOptions(*verb, arguments->send);
  verb->add_option("--set", arguments->flood.sets,
                   "what a field is to be: src=198.18.0.0/15, sport=1024-65535, dport=22,80, seq=random, "
                   "len=imix; may be given several times")
      ->type_name("FIELD=SPEC")
      ->expected(1)
      ->take_all();
  verb->add_flag("-6,--ipv6", arguments->flood.ipv6, "make IPv6 packets");
  AddPaceOptions(*verb, arguments->send, false);
  verb->add_option("--distinct", arguments->flood.packets,
                   "make so many packets, and send them over and over (65536)")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000'000).description(""));
  AddOptions(*verb, options, {Opt::kCount, Opt::kDuration, Opt::kSeed, Opt::kJson, Opt::kOutput});
  verb->footer(
      "Without --count or --duration it goes on until it is stopped. Send floods to machines of your own.\n\n"
      "  sudo knetlab flood syn --dev eth0 --netns client --set dst=10.0.0.2 --pps 100000 --duration 10\n"
      "  sudo knetlab flood mixed:udp=3,icmp=1 --dev eth0 --set len=imix --count 1000000 --seed 7");
  return {{verb, [arguments](Session& session) { return FloodVerb(session, *arguments); }}};
}

}  // namespace knetlab
