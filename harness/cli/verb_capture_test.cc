// SPDX-License-Identifier: Apache-2.0
// knetlab capture, run for real on a hook that this process made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/read_back.h"
#include "harness/cli/command_test_support.h"
#include "harness/program/test_run.h"

namespace knetlab {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::Hooked;
using testing::PacketFor;
using ::testing::SizeIs;

// Packets go through the hook until the capture has seen enough of them: nothing tells us when it has begun.
void SendUntil(const Hooked& hooked, const std::function<bool()>& enough) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!enough()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    TestRun(hooked.program(), PacketFor(1));
    TestRun(hooked.program(), PacketFor(2, 54));
  }
}

bool HasProgram(const Hooked& hooked) {
  return hooked.object.map("hook").Lookup(std::vector<std::byte>(4)).has_value();
}

bool HasGrown(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && status.st_size > 2000;
}

TEST(Capture, CountsAreOneDocumentAndXdpcapsLine) {
  const Hooked hooked;
  const TestFolder folder;
  RunningCommand command({"capture", hooked.pin.path(), folder.Path("out.pcapng"), "udp", "port", "53",
                          "--json", "--count", "10", "--verdicts", "drop,pass"});
  std::jthread sender(
      [&](const std::stop_token& stop) { SendUntil(hooked, [&] { return stop.stop_requested(); }); });
  const Finished finished = command.Wait();
  sender.request_stop();
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("schema"), "knetlab.capture/1");
  EXPECT_EQ(document.at("ended"), "count");
  EXPECT_EQ(document.at("buffer"), "ring");
  EXPECT_EQ(document.at("verdicts").size(), 2U);
  const json& drop = document.at("verdicts").at("XDP_DROP");
  EXPECT_EQ(drop.at("written"), 10);
  EXPECT_EQ(drop.at("matched"), 10);
  EXPECT_EQ(drop.at("lost"), 0);
  EXPECT_GE(drop.at("received"), 10);
  EXPECT_EQ(document.at("verdicts").at("XDP_PASS").at("matched"), 0);
  EXPECT_THAT(finished.err, HasSubstr("XDPDrop: "));
  EXPECT_THAT(finished.err, HasSubstr("/10\tXDPPass: "));
  EXPECT_THAT(finished.err, HasSubstr("(received/matched packets)\twritten: 10\tlost: 0"));
  EXPECT_THAT(testing::ReadWithLibpcap(folder.Path("out.pcapng")), SizeIs(10));
}

TEST(Capture, ThroughPerfBuffersTheCountsAreTheSame) {
  const Hooked hooked;
  const TestFolder folder;
  RunningCommand command({"capture", hooked.pin.path(), folder.Path("out.pcapng"), "udp port 53", "--json",
                          "--count", "10", "--buffer-kind", "perf"});
  std::jthread sender(
      [&](const std::stop_token& stop) { SendUntil(hooked, [&] { return stop.stop_requested(); }); });
  const Finished finished = command.Wait();
  sender.request_stop();
  EXPECT_EQ(finished.status, 0) << finished.err;
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("buffer"), "perf");
  EXPECT_EQ(document.at("verdicts").at("XDP_DROP").at("written"), 10);
  EXPECT_EQ(document.at("total").at("lost"), 0);
  EXPECT_THAT(finished.err, HasSubstr("through perf buffers"));
  EXPECT_THAT(testing::ReadWithLibpcap(folder.Path("out.pcapng")), SizeIs(10));
}

TEST(Capture, AnInterruptEndsItInOrder) {
  const Hooked hooked;
  const TestFolder folder;
  const std::string path = folder.Path("out.pcapng");
  RunningCommand command({"capture", hooked.pin.path(), path, "--json"});
  SendUntil(hooked, [&] { return HasGrown(path); });
  command.Signal(SIGINT);
  const Finished finished = command.Wait();
  EXPECT_EQ(finished.signal, SIGINT);
  const json total = json::parse(finished.out).at("total");
  EXPECT_EQ(total.at("matched"), total.at("received"));
  EXPECT_EQ(total.at("written"), total.at("matched"));
  EXPECT_THAT(testing::ReadWithLibpcap(path), SizeIs(total.at("written").get<std::size_t>()));
  EXPECT_FALSE(HasProgram(hooked));
}

TEST(Capture, StdoutIsACaptureThatTcpdumpReadsWhileItGoesOn) {
  const Hooked hooked;
  RunningCommand command({"sh", "-c",
                          std::string(KNETLAB_COMMAND) + " capture " + hooked.pin.path() +
                              " - 'udp port 53' | tcpdump -nr - -c 3"},
                         true);
  std::jthread sender(
      [&](const std::stop_token& stop) { SendUntil(hooked, [&] { return stop.stop_requested(); }); });
  const Finished finished = command.Wait();
  sender.request_stop();
  EXPECT_THAT(finished.out, HasSubstr("10.0.0.1.1000 > 10.0.0.2.53"));
  EXPECT_THAT(finished.err, HasSubstr("(received/matched packets)"));
  EXPECT_FALSE(HasProgram(hooked));
}

TEST(Capture, AFullDiskIsAFailureWithItsCounts) {
  const Hooked hooked;
  RunningCommand command({"capture", hooked.pin.path(), "/dev/full", "--json"});
  std::jthread sender(
      [&](const std::stop_token& stop) { SendUntil(hooked, [&] { return stop.stop_requested(); }); });
  const Finished finished = command.Wait();
  sender.request_stop();
  EXPECT_EQ(finished.status, 1);
  const json document = json::parse(finished.out);
  EXPECT_EQ(document.at("ended"), "output");
  EXPECT_EQ(document.at("total").at("lost"), document.at("total").at("matched"));
  EXPECT_THAT(finished.err, HasSubstr("No space left on device"));
}

TEST(Capture, MistakesAreToldBeforeAnythingIsTouched) {
  const Hooked hooked;
  const TestFolder folder;
  const std::string path = folder.Write("old.pcapng", "kept");
  const Finished filter = RunKnetlab({"capture", hooked.pin.path(), path, "tcp port"});
  EXPECT_EQ(filter.status, 2);
  EXPECT_THAT(filter.err, HasSubstr("syntax error"));
  EXPECT_EQ(RunKnetlab({"capture", "/sys/fs/bpf/nonexistent", path}).status, 2);
  EXPECT_EQ(RunKnetlab({"capture", hooked.pin.path(), path, "--verdicts", "drpo"}).status, 2);
  EXPECT_EQ(RunKnetlab({"capture", hooked.pin.path(), path, "--snaplen", "0"}).status, 2);
  EXPECT_EQ(RunKnetlab({"capture", hooked.pin.path(), "-", "--json"}).status, 2);
  EXPECT_EQ(ReadWhole(path), "kept");
}

constexpr const char* kObject = KNETLAB_OBJECTS "/parity.bpf.o";
constexpr const char* kPackets = KNETLAB_CAPTURES "/dnscap__dns.pcap";  // 133 packets, 34 of odd length

long Count(const std::vector<std::string>& lines, const std::string& line) {
  return std::count(lines.begin(), lines.end(), line);
}

TEST(Try, WritesEveryPacketWithItsVerdict) {
  const TestFolder folder;
  const std::string path = folder.Path("out.pcapng");
  const Finished finished =
      RunKnetlab({"try", std::string(kObject) + ":xdp_parity", kPackets, "--capture", path});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const std::vector<std::string> verdicts = testing::ReadWithTshark(path, {"frame.comment"});
  EXPECT_THAT(verdicts, SizeIs(133));
  EXPECT_EQ(Count(verdicts, "XDP_DROP"), 34);
  EXPECT_EQ(Count(verdicts, "XDP_PASS"), 99);
}

TEST(Try, WritesARewrittenPacketAsItCameAndAsItLeft) {
  const TestFolder folder;
  const std::string path = folder.Path("out.pcapng");
  RunKnetlab({"try", KNETLAB_OBJECTS "/reflect.bpf.o", kPackets, "--limit", "1", "--capture", path});
  const std::vector<std::string> lines =
      testing::ReadWithTshark(path, {"eth.src", "eth.dst", "frame.comment"});
  ASSERT_THAT(lines, SizeIs(2));
  const std::string came = lines[0].substr(0, lines[0].rfind('\t'));
  const std::size_t tab = came.find('\t');
  EXPECT_EQ(lines[1], came.substr(tab + 1) + "\t" + came.substr(0, tab) + "\tXDP_TX, rewritten");
}

std::string Scenario(const std::string& capture) {
  return "name: captured\nsummary: Odd packets are dropped.\ntopology:\n  namespaces: [client, server]\n"
         "  links:\n    - [client:eth0 10.0.0.1/24, server:eth0 10.0.0.2/24]\n"
         "programs:\n  filter: {object: " +
         std::string(kObject) + ", program: xdp_parity, attach: {xdp: server:eth0}}\n" + capture +
         "steps:\n  - replay: {capture: " + kPackets + ", from: client:eth0}\n" +
         "  - expect: {ledger: {drop: 34}}\n";
}

TEST(Run, CapturesProgramsThatKnowNothingOfIt) {
  const TestFolder folder;
  const std::string file = folder.Write("s.yaml", Scenario(""));
  const Finished finished = RunKnetlab({"run", file, "--capture", folder.Path("captures"), "--json"});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  const std::string path = folder.Path("captures") + "/captured.pcapng";
  const std::vector<std::string> lines =
      testing::ReadWithTshark(path, {"frame.interface_name", "frame.comment"});
  EXPECT_THAT(lines, SizeIs(133));
  EXPECT_EQ(Count(lines, "server:eth0 xdp filter XDP_DROP\tXDP_DROP"), 34);
  EXPECT_EQ(Count(lines, "server:eth0 xdp filter XDP_PASS\tXDP_PASS"), 99);
  EXPECT_THAT(finished.out, HasSubstr("captured 133 packets, wrote 133 to"));
  EXPECT_THAT(finished.out, HasSubstr("capture at program filter: instrumented by exits"));
}

TEST(Run, HowProgramsAreMadeReadyCanBeForced) {
  const TestFolder folder;
  const std::string path = folder.Path("out.pcapng");
  for (const std::string method : {"bypass", "wrapper", "static stubs", "exits"}) {
    const std::string file =
        folder.Write("s.yaml", Scenario("capture: {file: " + path + ", method: " + method + "}\n"));
    const Finished finished = RunKnetlab({"run", file, "--json"});
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("capture at program filter: instrumented by " + method));
    EXPECT_THAT(testing::ReadWithLibpcap(path), SizeIs(133)) << method;
  }
  const std::string file = folder.Write("s.yaml", Scenario("capture: {file: x, method: fexit}\n"));
  const Finished finished = RunKnetlab({"run", file});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("exits, bypass, wrapper or static stubs"));
}

TEST(Run, AScenarioSaysWhatIsCaptured) {
  const TestFolder folder;
  const std::string path = folder.Path("drops.pcapng");
  const std::string file = folder.Write(
      "s.yaml", Scenario("capture: {file: " + path + ", verdicts: [drop], before: on, snaplen: 20}\n"));
  const Finished finished = RunKnetlab({"run", file});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  const std::vector<std::string> lines = testing::ReadWithTshark(path, {"frame.comment", "frame.cap_len"});
  EXPECT_EQ(Count(lines, "before\t20"), 133);
  EXPECT_EQ(Count(lines, "XDP_DROP\t20"), 34);
  EXPECT_THAT(lines, SizeIs(167));
}

// Of the programs of a scenario each has some of the verdicts asked for.
TEST(Run, CapturesSocketFiltersAsWholeFrames) {
  const TestFolder folder;
  const std::string path = folder.Path("out.pcapng");
  const std::string file =
      folder.Write("s.yaml",
                   "name: sockets\nsummary: Replies are kept.\ntopology:\n  namespaces: [client, server]\n"
                   "  links:\n    - [client:eth0 10.0.0.1/24, server:eth0 10.0.0.2/24]\n"
                   "sockets: {tap: {packet: eth0, in: server}}\n"
                   "programs:\n  odd: {object: " +
                       std::string(kObject) +
                       ", program: xdp_parity, attach: {xdp: server:eth0}}\n"
                       "  replies: {filter: udp src port 53, attach: {socket: tap}}\n"
                       "capture: {file: " +
                       path + ", verdicts: [drop, aborted]}\nsteps:\n  - replay: {capture: " + kPackets +
                       ", from: client:eth0}\n  - expect: {verdicts: {odd: {XDP_DROP: 34}}}\n");
  const Finished finished = RunKnetlab({"run", file});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  const std::vector<std::string> lines = testing::ReadWithTshark(path, {"frame.comment", "udp.srcport"});
  const auto are = [&](const std::string& verdict, const std::string& but_not) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.starts_with(verdict) && !line.ends_with(but_not);
    });
  };
  EXPECT_EQ(are("XDP_DROP", "\n"), 34);
  EXPECT_EQ(are("SOCKET_DROP", "\t53"), 75) << "what XDP passed and is no reply";
  EXPECT_EQ(are("SOCKET_DROP", "\n"), 75);
}

TEST(Run, AVerdictThatNoProgramHasIsAnErrorAtItsLine) {
  const TestFolder folder;
  const std::string file =
      folder.Write("s.yaml", Scenario("capture: {file: " + folder.Path("x") + ", verdicts: [shot]}\n"));
  const Finished finished = RunKnetlab({"run", file});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.out, HasSubstr("\"shot\" is not a verdict"));
}

}  // namespace
}  // namespace knetlab
