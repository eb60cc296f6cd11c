// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/golden.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "harness/scenario/located_error.h"
#include "harness/traffic/capture_writer.h"
#include "harness/traffic/packet_headers.h"
#include "harness/traffic/packet_summary.h"

namespace knetlab {
namespace {

using GoldenBytes = std::vector<std::byte>;
using Field = IgnoredBytes::Field;

void Clear(GoldenBytes& bytes, std::size_t at, std::size_t size) {
  for (std::size_t i = at; i < std::min(bytes.size(), at + size); ++i) bytes[i] = std::byte{0};
}

// Where the checksum of the protocol above IP is; none where the packet has no such header.
std::optional<std::size_t> ChecksumAt(const IpPayload& payload) {
  if (payload.cut || payload.fragment_offset != 0) return std::nullopt;
  switch (payload.protocol) {
    case IPPROTO_TCP:
      return payload.offset + 16;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
      return payload.offset + 6;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return payload.offset + 2;
    default:
      return std::nullopt;
  }
}

// `view` is of the packet as it came: a field that is cleared must not hide where the next one is.
void Ignore(const IgnoredBytes& ignored, const PacketView& view, GoldenBytes& bytes) {
  const EthernetPayload ethernet = FindEthernetPayload(view);
  const std::size_t ip = ethernet.offset;
  const bool v4 = ethernet.type == kEtherTypeIpv4, v6 = ethernet.type == kEtherTypeIpv6;
  switch (ignored.field) {
    case Field::kDestinationMac:
      return Clear(bytes, 0, 6);
    case Field::kSourceMac:
      return Clear(bytes, 6, 6);
    case Field::kRange:
      return Clear(bytes, ignored.first, ignored.last - ignored.first + 1);
    case Field::kIpId:
      if (v4) Clear(bytes, ip + 4, 2);
      return;
    case Field::kTtl:
      if (v4) Clear(bytes, ip + 8, 1);
      if (v6) Clear(bytes, ip + 7, 1);
      return;
    case Field::kIpChecksum:
      if (v4) Clear(bytes, ip + 10, 2);
      return;
    case Field::kChecksum:
      if (!v4 && !v6) return;
      if (const auto at = ChecksumAt(v4 ? FindIpv4Payload(view, ip) : FindIpv6Payload(view, ip)))
        Clear(bytes, *at, 2);
      return;
  }
}

std::vector<GoldenBytes> AllCompared(const std::vector<Packet>& packets,
                                     const std::vector<IgnoredBytes>& ignore) {
  std::vector<GoldenBytes> compared;
  compared.reserve(packets.size());
  for (const Packet& packet : packets) compared.push_back(ComparedBytes(packet, ignore));
  return compared;
}

std::string HexLine(const GoldenBytes& bytes, std::size_t from) {
  constexpr std::size_t kBytes = 16;
  std::string line;
  for (std::size_t i = from; i < std::min(bytes.size(), from + kBytes); ++i)
    line += fmt::format(" {:02x}", static_cast<unsigned>(bytes[i]));
  return line.empty() ? " (ends before)" : line;
}

std::string OnePacket(std::string_view who, const Packet& packet) {
  return fmt::format("\n  {:<6}  {}", who, SummarizePacket(packet.bytes));
}

// Both packets, and the bytes around the first difference.
std::string TwoPackets(std::size_t number, const Packet& golden, const Packet& found,
                       const std::vector<IgnoredBytes>& ignore) {
  const GoldenBytes a = ComparedBytes(golden, ignore), b = ComparedBytes(found, ignore);
  const auto different = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  const auto at = static_cast<std::size_t>(different - a.begin());
  const std::size_t line = at / 16 * 16;
  return fmt::format("packet {} differs from byte {} on{}{}\n  golden  {:#06x}:{}\n  found   {:#06x}:{}",
                     number, at, OnePacket("golden", golden), OnePacket("found", found), line,
                     HexLine(golden.bytes, line), line, HexLine(found.bytes, line));
}

std::string InOrder(const std::vector<Packet>& golden, const std::vector<Packet>& found,
                    const std::vector<IgnoredBytes>& ignore) {
  const std::vector<GoldenBytes> a = AllCompared(golden, ignore), b = AllCompared(found, ignore);
  const auto different = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  const auto at = static_cast<std::size_t>(different - a.begin());
  if (at == a.size() && at == b.size()) return "";
  // One that is missing, or one too many, moves all that follow: that is said, and not that they differ.
  const bool missing = at < a.size() && (at == b.size() || (at + 1 < a.size() && a[at + 1] == b[at]));
  const bool extra = at < b.size() && (at == a.size() || (at + 1 < b.size() && b[at + 1] == a[at]));
  if (missing && !extra)
    return fmt::format("packet {} of the golden capture is missing{}", at + 1,
                       OnePacket("golden", golden[at]));
  if (extra && !missing)
    return fmt::format("packet {} is not in the golden capture{}", at + 1, OnePacket("found", found[at]));
  return TwoPackets(at + 1, golden[at], found[at], ignore);
}

// The first of `packets` that `others` does not hold as often.
std::optional<std::size_t> FirstWithoutPartner(const std::vector<GoldenBytes>& packets,
                                               const std::vector<GoldenBytes>& others) {
  std::map<GoldenBytes, std::int64_t> left;
  for (const GoldenBytes& bytes : others) ++left[bytes];
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (--left[packets[i]] < 0) return i;
  }
  return std::nullopt;
}

std::string InAnyOrder(const std::vector<Packet>& golden, const std::vector<Packet>& found,
                       const std::vector<IgnoredBytes>& ignore) {
  const std::vector<GoldenBytes> a = AllCompared(golden, ignore), b = AllCompared(found, ignore);
  const auto missing = FirstWithoutPartner(a, b), extra = FirstWithoutPartner(b, a);
  if (!extra && !missing) return "";
  std::string text;
  if (missing)
    text += fmt::format("packet {} of the golden capture is missing{}", *missing + 1,
                        OnePacket("golden", golden[*missing]));
  if (extra)
    text += fmt::format("{}packet {} is not in the golden capture{}", text.empty() ? "" : "\n", *extra + 1,
                        OnePacket("found", found[*extra]));
  return text;
}

void Update(const PacketsCheck& check, const std::vector<Packet>& found, std::vector<std::string>& notes) {
  if (found.empty())
    throw Error({.what = "update golden capture",
                 .where = check.golden,
                 .why = "no packets were seen, and a capture holds at least one",
                 .hint = "expect none with count: 0",
                 .detail = ""});
  WriteCapture(check.golden, found);
  notes.push_back(fmt::format("wrote {}: {} packets", check.golden, found.size()));
}

CheckResult CompareGolden(const PacketsCheck& check, const std::vector<Packet>& found,
                          const GoldenOptions& options, std::vector<std::string>& notes) {
  const std::string place = check.at.empty() ? check.program : check.at;
  CheckResult result{fmt::format("packets.{}", place), true, "", check.mark};
  std::string difference = "it is not there yet";
  std::size_t wanted = 0;
  if (check.golden_is_there || !options.update) {
    const Capture golden = ReadCapture(check.golden);
    wanted = golden.packets.size();
    difference = FirstDifference(golden.packets, found, check.ignore, check.any_order);
  }
  if (difference.empty()) return result;
  if (options.update) {
    Update(check, found, notes);
    return result;
  }
  result.pass = false;
  result.message = fmt::format("expected the {} packets of {}, found {}: {}", wanted, check.golden,
                               found.size(), difference);
  return result;
}

}  // namespace

std::vector<std::byte> ComparedBytes(const Packet& packet, const std::vector<IgnoredBytes>& ignore) {
  GoldenBytes bytes = packet.bytes;
  const PacketView view(packet.bytes);
  for (const IgnoredBytes& ignored : ignore) Ignore(ignored, view, bytes);
  return bytes;
}

std::string FirstDifference(const std::vector<Packet>& golden, const std::vector<Packet>& found,
                            const std::vector<IgnoredBytes>& ignore, bool any_order) {
  return any_order ? InAnyOrder(golden, found, ignore) : InOrder(golden, found, ignore);
}

std::vector<CheckResult> CheckPackets(const PacketsCheck& check, const std::vector<Packet>& found,
                                      const GoldenOptions& options, std::vector<std::string>& notes) {
  std::vector<CheckResult> results;
  WithMark(check.mark, [&] {
    if (!check.golden.empty()) results.push_back(CompareGolden(check, found, options, notes));
    if (!check.count) return;
    CheckResult count{fmt::format("packets.{}.count", check.at.empty() ? check.program : check.at),
                      check.count->Holds(static_cast<double>(found.size())), "", check.count->mark};
    if (!count.pass) {
      count.message = fmt::format("expected {} packets, found {}", check.count->ToString(), found.size());
      if (!found.empty()) count.message += fmt::format("; the first: {}", SummarizePacket(found[0].bytes));
    }
    results.push_back(std::move(count));
  });
  return results;
}

}  // namespace knetlab
