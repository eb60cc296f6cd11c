// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/send_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/cli/text.h"
#include "harness/scenario/documents.h"
#include "netns/error.h"

namespace knetlab {
namespace {

std::string RateText(double pps) {
  if (pps >= 1e6) return fmt::format("{:.2f} Mpps", pps / 1e6);
  if (pps >= 1e4) return fmt::format("{:.1f} kpps", pps / 1e3);
  return fmt::format("{:.1f} pps", pps);
}

std::string SendText(const SendResult& result) {
  const TrafficReport& report = result.report;
  const double seconds = static_cast<double>(report.duration_ns) * 1e-9;
  std::string text = fmt::format("{} ({}) in {}", FormatPlural(report.packets, "packet"),
                                 FormatBytes(report.bytes), FormatDuration(seconds));
  if (report.duration_ns > 0)
    text += fmt::format(", {}", RateText(static_cast<double>(report.packets) / seconds));
  text += fmt::format(", by {}\n", report.method);
  for (const FrameLoss& loss : report.lost)
    text +=
        fmt::format("{} not taken by the interface: {}\n", FormatPlural(loss.count, "packet"), loss.reason);
  if (!report.refusals.empty())
    text += fmt::format("{} refused by the kernel\n", FormatPlural(report.refusals.size(), "packet"));
  if (result.summary.padded > 0)
    text += fmt::format("{} padded to an Ethernet header\n", FormatPlural(result.summary.padded, "packet"));
  return text;
}

double Positive(const char* option, double value) {
  if (std::isfinite(value) && value > 0) return value;
  throw Error({.what = "usage of",
               .where = option,
               .why = fmt::format("{} is not above 0", value),
               .hint = "",
               .detail = "",
               .code = EINVAL});
}

}  // namespace

void AddTargetOptions(CLI::App& verb, SendArguments& arguments) {
  verb.add_option("-i,--dev,--intf1", arguments.interface, "the interface to send out of")
      ->type_name("IF")
      ->required();
  verb.add_option("--netns", arguments.netns, "the namespace that has it: a name, or a path (this one)")
      ->type_name("NAME|PATH");
  verb.add_option("--method", arguments.method,
                  "how: auto, live-frames (in the kernel; keeps one CPU busy), af-packet (auto)")
      ->type_name("METHOD")
      ->check(CLI::IsMember({"auto", "live-frames", "af-packet"}));
}

void AddPaceOptions(CLI::App& verb, SendArguments& arguments, bool capture) {
  verb.add_option("-p,--pps", arguments.pps, "so many packets a second")->type_name("N");
  verb.add_option("-M,--mbps", arguments.mbps, "so many million bits a second")->type_name("M");
  verb.add_flag("-t,--topspeed", arguments.topspeed,
                capture ? "as fast as it goes" : "as fast as it goes, which is what it does anyway");
}

SendRequest RequestOf(const SendArguments& arguments, const Options& options, const Pace& pace) {
  SendRequest request{.interface = arguments.interface, .netns = arguments.netns};
  request.options.method = ParseMethod(arguments.method);
  request.options.threads = arguments.threads;
  request.options.pace = pace;
  const int paces = static_cast<int>(arguments.pps.has_value()) +
                    static_cast<int>(arguments.mbps.has_value()) +
                    static_cast<int>(arguments.multiplier.has_value()) +
                    static_cast<int>(arguments.topspeed) + static_cast<int>(arguments.original);
  if (paces > 1) {
    throw Error({.what = "usage of",
                 .where = "a pace",
                 .why = "more than one was given",
                 .hint = "one of --pps, --mbps, --multiplier, --topspeed, --original",
                 .detail = "",
                 .code = EINVAL});
  }
  if (arguments.pps) request.options.pace = {Pace::Kind::kPps, Positive("--pps", *arguments.pps)};
  if (arguments.mbps) request.options.pace = {Pace::Kind::kMbps, Positive("--mbps", *arguments.mbps)};
  if (arguments.multiplier)
    request.options.pace = {Pace::Kind::kMultiplier, Positive("--multiplier", *arguments.multiplier)};
  if (arguments.topspeed) request.options.pace = {Pace::Kind::kMax, 0};
  if (arguments.original) request.options.pace = {Pace::Kind::kOriginal, 0};
  if (options.duration_s) {
    constexpr double kLongest = 1e9;  // seconds
    request.duration = std::chrono::nanoseconds(
        static_cast<std::int64_t>(std::min(Positive("--duration", *options.duration_s), kLongest) * 1e9));
  }
  // With a duration alone, the packets last as long as it does.
  request.options.loops = arguments.loops.value_or(request.duration ? 0 : 1);
  if (request.options.loops == 0) request.options.loops = kEndlessLoops;
  request.options.count = options.count.value_or(0);
  return request;
}

int SendAndReport(Session& session, const std::string& verb, PacketFeed& feed, const SendRequest& request) {
  const SendResult result = SendOut(feed, request, session.interrupt.token());
  if (session.options.json) {
    session.output.Write(DumpDocument(SendDocument(verb, result)));
    return kExitDone;
  }
  if (!result.choice.why.empty()) fmt::print(stderr, "af-packet: {}\n", TerminalSafe(result.choice.why));
  session.output.Write(SendText(result));
  return kExitDone;
}

}  // namespace knetlab
