// SPDX-License-Identifier: Apache-2.0
// knetlab capture: the packets of a hook of others, with their verdicts.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "harness/capture/hook_map.h"
#include "harness/capture/session.h"
#include "harness/cli/terminal.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/capture_document.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/requirements.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::chrono::milliseconds kRefresh{500};
constexpr std::size_t kMebibyte = std::size_t{1} << 20;

struct CaptureArguments {
  std::string hook, output;
  std::vector<std::string> expression, verdicts;
  std::uint32_t snaplen = 262'144, sample = 1;
  std::size_t buffer = 64;
  std::string format = "pcapng", buffer_kind = "auto";
};

// As xdpcap calls it: XDP_DROP is XDPDrop.
std::string XdpcapName(const std::string& verdict) {
  std::string name = "XDP";
  for (std::size_t i = std::min<std::size_t>(verdict.size(), 4); i < verdict.size(); ++i)
    name += static_cast<char>(i == 4 ? verdict[i] : std::tolower(static_cast<unsigned char>(verdict[i])));
  return name;
}

// xdpcap's line, which scripts read, with what it does not tell behind it.
std::string CounterLine(const std::vector<PointCounts>& points) {
  std::string line;
  std::uint64_t written = 0;
  std::uint64_t lost = 0;
  for (const PointCounts& point : points) {
    line += fmt::format("{}: {}/{}\t", XdpcapName(point.verdict), point.received, point.matched);
    written += point.written;
    lost += point.lost;
  }
  return line + fmt::format("(received/matched packets)\twritten: {}\tlost: {}", written, lost);
}

void ToStderr(const std::string& text) {
  fmt::print(stderr, "{}", text);
}

SessionOptions OptionsOf(const CaptureArguments& arguments, const Options& options) {
  SessionOptions wanted;
  wanted.output = arguments.output;
  wanted.format = arguments.format == "pcap" ? CaptureFormat::kPcap : CaptureFormat::kPcapng;
  wanted.filter = fmt::format("{}", fmt::join(arguments.expression, " "));
  wanted.snaplen = arguments.snaplen;
  wanted.sample = arguments.sample;
  wanted.buffer = arguments.buffer * kMebibyte;
  wanted.buffer_kind = arguments.buffer_kind == "ring"   ? BufferKind::kRing
                       : arguments.buffer_kind == "perf" ? BufferKind::kPerf
                                                         : BufferKind::kAuto;
  wanted.count = options.count;
  if (options.duration_s) {
    wanted.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(*options.duration_s));
  }
  return wanted;
}

// What a reader of our output that has had enough does is no failure; a disk that is full is one.
bool Failed(const CaptureResult& result) {
  return result.end == CaptureEnd::kOutput && result.output_error != EPIPE;
}

int CaptureVerb(Session& session, const CaptureArguments& arguments) {
  const Options& options = session.options;
  const bool to_stdout = arguments.output == "-";
  if (to_stdout && options.json && options.output.empty()) {
    throw Error({.what = "capture to",
                 .where = "stdout",
                 .why = "packets and the JSON document cannot both go there",
                 .hint = "--json --output FILE",
                 .detail = "",
                 .code = EINVAL});
  }
  RequireRoot("capture");
  const SessionOptions wanted = OptionsOf(arguments, options);
  const HookMap hook = HookMap::Open(arguments.hook);
  CaptureSession capture(wanted);
  for (const CapturePoint& point : hook.Points(arguments.verdicts)) capture.Add(point);
  if (capture.buffer_kind() == BufferKind::kPerf) {
    ToStderr(
        fmt::format("through perf buffers{}: of a packet at most {} bytes\n",
                    wanted.buffer_kind == BufferKind::kPerf ? "" : ", since this kernel has no ring buffer",
                    kMostInPerfRecord));
  }
  capture.Start(session.interrupt.token());
  const bool refresh = IsTerminal(STDERR_FILENO) && !to_stdout;
  while (!capture.AwaitEnd(refresh ? kRefresh : std::chrono::hours(24))) {
    if (refresh) ToStderr("\r\033[K" + CounterLine(capture.Counts()));
  }
  const CaptureResult result = capture.Stop();
  ToStderr((refresh ? "\r\033[K" : "") + CounterLine(result.points) + "\n");
  if (Failed(result)) {
    ToStderr(TerminalSafe(
        fmt::format("knetlab: write capture {}: {}\n  it ended there; what is written is whole\n",
                    arguments.output, std::generic_category().message(result.output_error))));
  }
  if (options.json) session.output.Write(DumpDocument(CaptureDocument(arguments.hook, wanted, result)));
  return Failed(result) ? kExitNotHeld : kExitDone;
}

}  // namespace

std::vector<Verb> AddCapture(CLI::App& command, Options& options) {
  CLI::App* verb =
      command.add_subcommand("capture", "The packets of a hook, with their verdicts, into a file");
  const auto arguments = std::make_shared<CaptureArguments>();
  verb->add_option("HOOK_MAP", arguments->hook,
                   "a pinned program array of an XDP program, as xdpcap defined it")
      ->type_name("HOOK_MAP")
      ->required();
  verb->add_option("OUTPUT", arguments->output, "the file to write, made anew; - is stdout")
      ->type_name("FILE")
      ->required();
  verb->add_option("EXPR", arguments->expression,
                   "only packets that match: a pcap-filter expression, or classic BPF as n,code jt jf k,...")
      ->type_name("EXPR");
  verb->add_option("--verdicts", arguments->verdicts,
                   "only of these: aborted, drop, pass, tx, redirect, with commas between (all)")
      ->type_name("VERDICT,...")
      ->delimiter(',')
      ->expected(1)
      ->take_all();
  verb->add_option("--snaplen", arguments->snaplen, "the first N bytes of each packet (262144)")
      ->type_name("N")
      ->check(CLI::Range(1, 262'144).description(""));
  verb->add_option("--sample", arguments->sample, "one in N packets that match, for each verdict and CPU (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000).description(""));
  verb->add_option("--buffer", arguments->buffer, "MiB between the kernel and the file, a power of two (64)")
      ->type_name("MIB")
      ->check(CLI::Range(1, 1024).description(""));
  verb->add_option("--buffer-kind", arguments->buffer_kind,
                   "auto, ring, or perf, which is what auto takes before Linux 5.8 (auto)")
      ->type_name("KIND")
      ->check(CLI::IsMember({"auto", "ring", "perf"}));
  verb->add_option("--format", arguments->format, "pcapng, or pcap, which cannot tell verdicts (pcapng)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"pcapng", "pcap"}));
  AddOptions(*verb, options, {Opt::kCount, Opt::kDuration, Opt::kJson, Opt::kOutput});
  verb->footer(
      "Ends with Ctrl-C, --count or --duration. Exit status 1: the output took no more, as on a full "
      "disk.\n\n"
      "  sudo knetlab capture /sys/fs/bpf/hook drops.pcapng --verdicts drop,aborted\n"
      "  sudo knetlab capture /sys/fs/bpf/hook - 'udp port 53' | tcpdump -nr -");
  return {{verb, [arguments](Session& session) { return CaptureVerb(session, *arguments); }}};
}

}  // namespace knetlab
