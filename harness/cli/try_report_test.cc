// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/try_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing::Not;

TriedPacket Tried(std::uint64_t index, const char* verdict, const char* summary) {
  TriedPacket packet;
  packet.result.index = index;
  packet.result.verdict = verdict;
  packet.summary = summary;
  return packet;
}

TryResult DnsTry(const char* rig) {
  TryResult result;
  result.program = "xdpfilt";
  result.type = "xdp";
  result.instructions = 212;
  result.verified_ns = 3'000'000;
  result.capture = "captures/dns.pcap";
  result.capture_bytes = 20480;
  result.rig = rig;
  result.mode = "xdp native";
  result.environment.kernel = "6.18.44";
  result.packets = {Tried(1, "XDP_PASS", "ARP who-has"),
                    Tried(2, "XDP_DROP", "10.0.0.7:5353 > 10.0.0.2:53 UDP 62"),
                    Tried(3, "XDP_DROP", "another")};
  result.ledger.sent = 3;
  result.ledger.Add(Fate::kDropped, "server:eth0 xdp xdpfilt", "XDP_DROP", 2);
  result.ledger.Add(Fate::kPassed, "server:arp_process", "", 1);
  result.ledger.Close();
  result.cost = TryCost{.ns_per_packet = 41.31, .low = 40.9, .high = 42.2, .repeat = 10000, .samples = 5};
  return result;
}

TEST(TryReport, IsTheNewcomersTable) {
  EXPECT_EQ(TryReport(DnsTry("unit"), {.width = 140}),
            "xdpfilt  XDP, 212 instructions, verified in 3 ms      dns.pcap  3 packets, 20 KB      unit rig  "
            "Linux 6.18.44\n"
            "\n"
            "  verdict   packets   share  first seen\n"
            "  XDP_DROP        2  66.7 %  #2  10.0.0.7:5353 > 10.0.0.2:53 UDP 62\n"
            "  XDP_PASS        1  33.3 %  #1  ARP who-has\n"
            "\n"
            "cost    41.3 ns a packet (5 x 10,000 runs, 40.9 to 42.2)\n"
            "ledger  3 sent = 2 dropped + 1 passed\n");
}

TEST(TryReport, ANarrowTerminalGetsTheHeadLineByLine) {
  EXPECT_THAT(TryReport(DnsTry("unit"), {.width = 80}),
              testing::StartsWith("xdpfilt   XDP, 212 instructions, verified in 3 ms\n"
                                  "dns.pcap  3 packets, 20 KB\n"
                                  "unit rig  Linux 6.18.44\n"));
}

TEST(TryReport, TheWireRigShowsEveryPlaceOfTheLedger) {
  EXPECT_THAT(TryReport(DnsTry("wire"), {}),
              HasSubstr("  fate     packets  place                    reason\n"
                        "  dropped        2  server:eth0 xdp xdpfilt  XDP_DROP\n"
                        "  passed         1  server:arp_process\n"));
  EXPECT_THAT(TryReport(DnsTry("unit"), {}), Not(HasSubstr("arp_process")));
}

TEST(TryReport, LostPacketsHaveTheirPlaceOnEveryRig) {
  TryResult result = DnsTry("unit");
  result.ledger.sent = 4;
  result.ledger.Add(Fate::kLost, "unit", "too large", 1);
  result.ledger.Close();
  EXPECT_THAT(TryReport(result, {}), HasSubstr("lost"));
  EXPECT_THAT(TryReport(result, {}), HasSubstr("too large"));
}

TEST(TryReport, WhatIsMissingAndWhatTheLabDidIsTold) {
  TryResult result = DnsTry("wire");
  result.notes = {"GRO on at client:eth0"};
  result.ledger.missing = {"1 last seen at server:eth0"};
  result.ledger.AddBackground(Fate::kPassed, "server:icmpv6_rcv", "", 2);
  const std::string report = TryReport(result, {});
  EXPECT_THAT(report, HasSubstr("lab     GRO on at client:eth0\n"));
  EXPECT_THAT(report, HasSubstr("missing 1 last seen at server:eth0\n"));
  EXPECT_THAT(report, HasSubstr("beside  2 packets of the kernel's own: passed at server:icmpv6_rcv\n"));
}

TEST(TryReport, AnEmptyCaptureIsSaidToBeOne) {
  TryResult result = DnsTry("unit");
  result.packets.clear();
  result.cost.reset();
  EXPECT_THAT(TryReport(result, {}), HasSubstr("the capture holds no packets"));
  EXPECT_THAT(TryReport(result, {}), Not(HasSubstr("cost")));
}

}  // namespace
}  // namespace knetlab
