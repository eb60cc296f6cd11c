// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/flood_templates.h"

#include <algorithm>
#include <string_view>

namespace knetlab {
namespace {

using Bytes = FloodPacket::Bytes;

constexpr std::uint8_t kSyn = 0x02, kAck = 0x10;
constexpr std::size_t kEchoData = 56;  // as ping sends
constexpr std::size_t kLabel = 12;     // letters of a name that nobody has asked for before
constexpr std::size_t kDatagram = 1400, kFragment = 512;

FloodPacket Syn(bool ipv6, FloodRandom&) {
  // MSS 1460, SACK permitted, window scale 7: what a Linux client sends, but for the timestamps.
  return FloodPacket::Tcp(ipv6, kSyn, {2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 0, 0});
}

FloodPacket Ack(bool ipv6, FloodRandom&) {
  return FloodPacket::Tcp(ipv6, kAck, {});
}

FloodPacket PlainUdp(bool ipv6, FloodRandom&) {
  return FloodPacket::Udp(ipv6, {});
}

FloodPacket Echo(bool ipv6, FloodRandom&) {
  Bytes data(kEchoData);
  for (std::size_t i = 0; i < data.size(); i++) data[i] = static_cast<std::uint8_t>(i);
  return FloodPacket::Echo(ipv6, data);
}

FloodPacket Large(bool ipv6, FloodRandom&) {
  return FloodPacket::Udp(ipv6, Bytes(kDatagram, 'f'));
}

void PutU16(Bytes& bytes, std::uint64_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// RFC 1035: header and one question, a random name below example.com.
Bytes DnsQuestion(FloodRandom& random, std::uint16_t flags, std::uint16_t answers, std::uint16_t type) {
  Bytes data;
  PutU16(data, random.Next());
  PutU16(data, flags);
  PutU16(data, 1);
  PutU16(data, answers);
  PutU16(data, 0);
  PutU16(data, 0);
  data.push_back(kLabel);
  for (std::size_t i = 0; i < kLabel; i++) data.push_back(static_cast<std::uint8_t>('a' + random.Below(26)));
  constexpr std::string_view kDomain("\7example\3com\0", 13);
  data.insert(data.end(), kDomain.begin(), kDomain.end());
  PutU16(data, type);
  PutU16(data, 1);  // IN
  return data;
}

FloodPacket DnsQuery(bool ipv6, FloodRandom& random) {
  constexpr std::uint16_t kRecursionDesired = 0x0100, kA = 1;
  return FloodPacket::Udp(ipv6, DnsQuestion(random, kRecursionDesired, 0, kA));
}

// What an amplifier sends: TXT records that nobody has asked for.
FloodPacket DnsResponse(bool ipv6, FloodRandom& random) {
  constexpr std::uint16_t kResponse = 0x8180, kTxt = 16, kAnswers = 4;
  constexpr std::uint8_t kText = 255;
  Bytes data = DnsQuestion(random, kResponse, kAnswers, kTxt);
  for (int i = 0; i < kAnswers; i++) {
    PutU16(data, 0xc00c);  // the question's name
    PutU16(data, kTxt);
    PutU16(data, 1);
    PutU16(data, 0);
    PutU16(data, 300);  // seconds to live
    PutU16(data, kText + 1);
    data.push_back(kText);
    data.insert(data.end(), kText, 'a');
  }
  return FloodPacket::Udp(ipv6, data);
}

}  // namespace

// Client ports are above those that protocols have: analysers would read such packets as theirs.
const std::vector<FloodTemplate>& FloodTemplates() {
  static const std::vector<FloodTemplate> templates = {
      {"syn",
       "TCP connection requests",
       Syn,
       {"sport=61000-65535", "dport=80", "seq=random", "id=random", "window=64240"}},
      {"ack",
       "TCP acknowledgements of no connection",
       Ack,
       {"sport=61000-65535", "dport=80", "seq=random", "ack=random", "id=random"}},
      {"udp", "UDP datagrams", PlainUdp, {"sport=61000-65535", "dport=9", "id=random", "len=64"}},
      {"icmp", "echo requests", Echo, {"id=random", "seq=random"}},
      {"dns-query",
       "DNS questions for names that nobody has asked for",
       DnsQuery,
       {"sport=61000-65535", "dport=53", "id=random"}},
      {"dns-response",
       "large DNS answers, as amplifiers send them",
       DnsResponse,
       {"sport=53", "dport=61000-65535", "id=random"}},
      {"fragments",
       "UDP datagrams of three fragments each",
       Large,
       {"sport=61000-65535", "dport=9"},
       kFragment}};
  return templates;
}

const FloodTemplate* FindFloodTemplate(std::string_view name) {
  const auto& all = FloodTemplates();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return name == each.name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace knetlab
