// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/flood_packet.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

#include "harness/traffic/packet_headers.h"

namespace knetlab {
namespace {

using Bytes = FloodPacket::Bytes;

constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40, kUdpHeader = 8, kTcpHeader = 20;
constexpr std::uint16_t kVlanTag = 0x8100;
constexpr std::uint8_t kTtl = 64;

void Append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// 10.0.0.1 to 10.0.0.2, or fd00::1 to fd00::2; lengths and checksums are for Finish().
Bytes Headers(bool ipv6, std::uint8_t protocol) {
  Bytes bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  if (ipv6) {
    Append(bytes, {0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, protocol, kTtl});
    Append(bytes, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    Append(bytes, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
  } else {
    Append(bytes, {8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, kTtl, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  }
  return bytes;
}

std::uint32_t Sum(const std::uint8_t* data, std::size_t size, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
  if (size % 2 != 0) sum += static_cast<std::uint32_t>(data[size - 1] << 8);
  return sum;
}

std::uint16_t Checksum(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

FloodPacket FloodPacket::Udp(bool ipv6, const Bytes& data) {
  Bytes bytes = Headers(ipv6, IPPROTO_UDP);
  Append(bytes, {0x04, 0, 0, 9, 0, 0, 0, 0});
  Append(bytes, data);
  return FloodPacket(std::move(bytes));
}

FloodPacket FloodPacket::Tcp(bool ipv6, std::uint8_t flags, const Bytes& options) {
  Bytes bytes = Headers(ipv6, IPPROTO_TCP);
  const auto words = static_cast<std::uint8_t>((kTcpHeader + options.size()) / 4);
  Append(bytes, {0x04,  0,    0,    80, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(words << 4),
                 flags, 0xff, 0xff, 0,  0, 0, 0});
  Append(bytes, options);
  return FloodPacket(std::move(bytes));
}

FloodPacket FloodPacket::Echo(bool ipv6, const Bytes& data) {
  Bytes bytes = Headers(ipv6, ipv6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP});
  Append(bytes, {static_cast<std::uint8_t>(ipv6 ? 128 : 8), 0, 0, 0, 0, 0, 0, 0});
  Append(bytes, data);
  return FloodPacket(std::move(bytes));
}

FloodPacket::Layout FloodPacket::Find() const {
  const PacketView view(std::as_bytes(std::span(bytes_)));
  const EthernetPayload ethernet = FindEthernetPayload(view);
  Layout layout;
  if (ethernet.type != kEtherTypeIpv4 && ethernet.type != kEtherTypeIpv6) return layout;
  layout.ipv6 = ethernet.type == kEtherTypeIpv6;
  if (!view.Has(ethernet.offset, layout.ipv6 ? kIpv6Header : kIpv4Header)) return layout;
  layout.ip = ethernet.offset;
  const IpPayload payload = layout.ipv6 ? FindIpv6Payload(view, layout.ip) : FindIpv4Payload(view, layout.ip);
  if (payload.cut) return layout;
  layout.fragment = payload.fragment;
  layout.protocol = payload.protocol;
  if (payload.fragment_offset == 0) layout.l4 = payload.offset;
  return layout;
}

void FloodPacket::Put(std::size_t at, std::uint64_t value, std::size_t size) {
  if (at + size > bytes_.size()) return;
  for (std::size_t i = 0; i < size; i++)
    bytes_[at + i] = static_cast<std::uint8_t>(value >> 8 * (size - 1 - i));
}

void FloodPacket::SetAddress(const Layout& layout, bool source, const IpAddress& address) {
  if (layout.ip == 0 || layout.ipv6 != (address.family == AF_INET6)) return;
  const std::size_t at = layout.ip + (layout.ipv6 ? (source ? 8 : 24) : (source ? 12 : 16));
  std::copy_n(address.bytes.begin(), address.size(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
}

void FloodPacket::SetVlan(std::uint16_t id) {
  constexpr std::size_t kTypeAt = 12;
  const PacketView view(std::as_bytes(std::span(bytes_)));
  if (FindEthernetPayload(view).vlans.empty()) {
    const Bytes tag = {kVlanTag >> 8, kVlanTag & 0xff, 0, 0};
    bytes_.insert(bytes_.begin() + kTypeAt, tag.begin(), tag.end());
  }
  Put(kTypeAt + 2, static_cast<std::uint64_t>(bytes_[kTypeAt + 2] & 0xf0) << 8 | id, 2);
}

void FloodPacket::Resize(std::size_t size) {
  const Layout layout = Find();
  std::size_t least = kEthernetHeader;
  if (layout.l4 != 0) {
    const bool tcp = layout.protocol == IPPROTO_TCP && layout.l4 + kTcpHeader <= bytes_.size();
    const std::size_t header = tcp ? std::size_t{4} * (bytes_[layout.l4 + 12] >> 4) : kUdpHeader;
    least = std::min(layout.l4 + header, bytes_.size());
  }
  bytes_.resize(std::max(size, least));
}

bool FloodPacket::Has(FloodField field, int family) const {
  const Layout layout = Find();
  const bool tcp = layout.l4 != 0 && layout.protocol == IPPROTO_TCP;
  const bool udp = layout.l4 != 0 && layout.protocol == IPPROTO_UDP;
  const bool icmp = layout.l4 != 0 && (layout.protocol == IPPROTO_ICMP || layout.protocol == IPPROTO_ICMPV6);
  switch (field) {
    case FloodField::kSrc:
    case FloodField::kDst:
      return layout.ip != 0 && layout.ipv6 == (family == AF_INET6);
    case FloodField::kTtl:
    case FloodField::kTos:
      return layout.ip != 0;
    case FloodField::kId:
      return icmp || (layout.ip != 0 && !layout.ipv6);
    case FloodField::kSport:
    case FloodField::kDport:
      return tcp || udp;
    case FloodField::kSeq:
      return tcp || icmp;
    case FloodField::kAck:
    case FloodField::kFlags:
    case FloodField::kWindow:
      return tcp;
    case FloodField::kType:
    case FloodField::kCode:
      return icmp;
    default:
      return true;
  }
}

void FloodPacket::Set(FloodField field, const FloodValue& value) {
  const Layout layout = Find();
  const std::uint64_t number = value.number;
  const bool tcp = layout.l4 != 0 && layout.protocol == IPPROTO_TCP;
  const bool ports = tcp || (layout.l4 != 0 && layout.protocol == IPPROTO_UDP);
  const bool icmp = layout.l4 != 0 && (layout.protocol == IPPROTO_ICMP || layout.protocol == IPPROTO_ICMPV6);
  switch (field) {
    case FloodField::kDmac:
      return Put(0, number, 6);
    case FloodField::kSmac:
      return Put(6, number, 6);
    case FloodField::kVlan:
      return SetVlan(static_cast<std::uint16_t>(number));
    case FloodField::kSrc:
    case FloodField::kDst:
      return SetAddress(layout, field == FloodField::kSrc, value.address);
    case FloodField::kTtl:
      if (layout.ip != 0) Put(layout.ip + (layout.ipv6 ? 7 : 8), number, 1);
      return;
    case FloodField::kTos:
      if (layout.ip == 0) return;
      if (!layout.ipv6) return Put(layout.ip + 1, number, 1);
      return Put(layout.ip, 0x6000 | number << 4 | (bytes_[layout.ip + 1] & 0xf), 2);
    case FloodField::kId:  // of ICMP and DNS it is the protocol's own, as of IPv6, which has none
      if (layout.ip != 0 && !layout.ipv6) Put(layout.ip + 4, number, 2);
      if (icmp) Put(layout.l4 + 4, number, 2);
      return;
    case FloodField::kSport:
      if (ports) Put(layout.l4, number, 2);
      return;
    case FloodField::kDport:
      if (ports) Put(layout.l4 + 2, number, 2);
      return;
    case FloodField::kSeq:
      if (tcp) Put(layout.l4 + 4, number, 4);
      if (icmp) Put(layout.l4 + 6, number & 0xffff, 2);
      return;
    case FloodField::kAck:
      if (tcp) Put(layout.l4 + 8, number, 4);
      return;
    case FloodField::kFlags:
      if (tcp) Put(layout.l4 + 13, number, 1);
      return;
    case FloodField::kWindow:
      if (tcp) Put(layout.l4 + 14, number, 2);
      return;
    case FloodField::kType:
      if (icmp) Put(layout.l4, number, 1);
      return;
    case FloodField::kCode:
      if (icmp) Put(layout.l4 + 1, number, 1);
      return;
    case FloodField::kLen:
      return Resize(number);
  }
}

void FloodPacket::FinishL4(const Layout& layout) {
  const std::size_t size = bytes_.size() - layout.l4;
  std::size_t at = 0;
  switch (layout.protocol) {
    case IPPROTO_UDP:
      at = 6;
      break;
    case IPPROTO_TCP:
      at = 16;
      break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      at = 2;
      break;
    default:
      return;
  }
  if (size < at + 2) return;
  if (layout.protocol == IPPROTO_UDP) Put(layout.l4 + 4, size, 2);
  Put(layout.l4 + at, 0, 2);
  std::uint32_t sum = Sum(&bytes_[layout.l4], size);
  if (layout.protocol != IPPROTO_ICMP) {
    const std::size_t addresses = layout.ipv6 ? 32 : 8;
    sum = Sum(&bytes_[layout.ip + (layout.ipv6 ? 8 : 12)], addresses, sum);
    sum += layout.protocol + static_cast<std::uint32_t>(size);
  }
  std::uint16_t checksum = Checksum(sum);
  if (layout.protocol == IPPROTO_UDP && checksum == 0) checksum = 0xffff;  // 0 means that there is none
  Put(layout.l4 + at, checksum, 2);
}

void FloodPacket::Finish() {
  const Layout layout = Find();
  if (layout.ip == 0) return;
  const std::size_t size = bytes_.size() - layout.ip;
  if (layout.ipv6) {
    Put(layout.ip + 4, size - kIpv6Header, 2);
  } else {
    Put(layout.ip + 2, size, 2);
    Put(layout.ip + 10, 0, 2);
    const std::size_t header = std::min<std::size_t>((bytes_[layout.ip] & 0xfU) * 4, size);
    Put(layout.ip + 10, Checksum(Sum(&bytes_[layout.ip], header)), 2);
  }
  if (layout.l4 != 0 && !layout.fragment) FinishL4(layout);
}

std::vector<FloodPacket> FloodPacket::Fragments(std::size_t each, std::uint32_t id) const {
  const Layout layout = Find();
  if (layout.l4 == 0 || layout.fragment) return {*this};
  const std::size_t headers = layout.l4, total = bytes_.size() - headers;
  std::vector<FloodPacket> fragments;
  for (std::size_t offset = 0; offset < total; offset += each) {
    const std::size_t size = std::min(each, total - offset);
    const std::uint64_t more = offset + size < total ? 1 : 0;
    Bytes bytes(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(headers));
    if (layout.ipv6) {
      const std::uint64_t where = offset | more;
      const std::uint8_t next = bytes[layout.ip + 6];
      bytes[layout.ip + 6] = IPPROTO_FRAGMENT;
      Append(bytes, {next, 0, static_cast<std::uint8_t>(where >> 8), static_cast<std::uint8_t>(where),
                     static_cast<std::uint8_t>(id >> 24), static_cast<std::uint8_t>(id >> 16),
                     static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)});
    }
    const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(headers + offset);
    bytes.insert(bytes.end(), from, from + static_cast<std::ptrdiff_t>(size));
    FloodPacket fragment(std::move(bytes));
    if (!layout.ipv6) {
      fragment.Put(layout.ip + 4, id & 0xffff, 2);
      fragment.Put(layout.ip + 6, more << 13 | offset / 8, 2);
    }
    fragment.Finish();
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

}  // namespace knetlab
