// SPDX-License-Identifier: Apache-2.0
// What the tests of accounts share: two namespaces, datagrams between them, and what became of them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "harness/measure/account.h"
#include "harness/traffic/replay.h"

namespace knetlab {

inline constexpr std::chrono::seconds kDeadline{2};

inline std::shared_ptr<Tracer> SharedTracer() {
  static auto tracer = std::make_shared<Tracer>();
  return tracer;
}

inline TopologySpec Pair() {
  TopologySpec spec;
  for (const char* name : {"client", "server"}) {
    spec.namespaces.push_back({.name = name, .sysctls = {}});
  }
  LinkSpec link;
  link.ends[0].ns = "client";
  link.ends[1].ns = "server";
  for (EndpointSpec& end : link.ends) end.interface = "eth0";
  link.ends[0].addresses = {IpPrefix::Parse("10.0.0.1/24")};
  link.ends[1].addresses = {IpPrefix::Parse("10.0.0.2/24")};
  spec.links = {link};
  return spec;
}

inline void Put(Packet& packet, std::size_t at, std::initializer_list<int> bytes) {
  for (int byte : bytes) packet.bytes[at++] = static_cast<std::byte>(byte);
}

// A UDP datagram of 10.0.0.1:4660 to 10.0.0.2:53 with no UDP checksum; `length` with the Ethernet header.
inline Packet Datagram(const Topology& topology, std::size_t length) {
  Packet packet;
  packet.bytes.resize(length);
  const auto& mac = topology.endpoint("server:eth0").mac.bytes;
  for (std::size_t i = 0; i < 6; i++) packet.bytes[i] = static_cast<std::byte>(mac[i]);
  const int ip = static_cast<int>(length) - 14, udp = ip - 20;
  Put(packet, 6, {2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, ip >> 8, ip & 255, 0, 0, 0, 0, 64, 17, 0, 0});
  Put(packet, 26, {10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 53, udp >> 8, udp & 255, 0, 0});
  std::uint32_t sum = 0;
  for (std::size_t at = 14; at < 34; at += 2) {
    sum += std::to_integer<std::uint32_t>(packet.bytes[at]) << 8 |
           std::to_integer<std::uint32_t>(packet.bytes[at + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  Put(packet, 24, {static_cast<int>(~sum >> 8 & 255), static_cast<int>(~sum & 255)});
  return packet;
}

inline Capture Datagrams(const Topology& topology, const std::vector<std::size_t>& lengths) {
  Capture capture;
  for (std::size_t length : lengths) capture.packets.push_back(Datagram(topology, length));
  return capture;
}

struct Sent {
  AccountResult result;
  std::string Text() const {
    std::string text = LedgerSentence(result.ledger) + "\n";
    for (const LedgerEntry& entry : result.ledger.entries) {
      text += fmt::format("{} {} {} {}\n", entry.count, FateName(entry.fate), entry.place, entry.reason);
    }
    for (const std::string& missing : result.ledger.missing) text += missing + "\n";
    return text;
  }
};

inline Sent SendThrough(const Topology& topology, std::unique_ptr<Account> account, const Capture& capture,
                        const ReplayOptions& options = {}) {
  Replay replay(capture, options);
  TrafficReport report =
      replay.Send({.ns = &topology.ns("client"), .interface = "eth0", .observer = account.get(), .stop = {}});
  return {account->Close({{"client", report, "eth0"}}, kDeadline)};
}

inline void ExpectOnly(const Sent& sent, Fate fate, const std::string& place, const std::string& reason,
                       std::uint64_t count) {
  EXPECT_TRUE(sent.result.ledger.balanced()) << sent.Text();
  ASSERT_EQ(sent.result.ledger.entries.size(), 1u) << sent.Text();
  const LedgerEntry& entry = sent.result.ledger.entries.front();
  EXPECT_EQ(entry.fate, fate) << sent.Text();
  EXPECT_EQ(entry.place, place);
  EXPECT_EQ(entry.reason, reason);
  EXPECT_EQ(entry.count, count);
}

}  // namespace knetlab
