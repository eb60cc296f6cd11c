// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_summary.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "harness/traffic/packet_headers.h"
#include "netns/ip.h"

namespace knetlab {
namespace {

using Name = std::pair<std::uint32_t, std::string_view>;

constexpr std::array kProtocols = {Name{IPPROTO_ICMP, "ICMP"},
                                   Name{IPPROTO_IGMP, "IGMP"},
                                   Name{IPPROTO_IPIP, "IPv4-in-IP"},
                                   Name{IPPROTO_TCP, "TCP"},
                                   Name{IPPROTO_UDP, "UDP"},
                                   Name{IPPROTO_DCCP, "DCCP"},
                                   Name{IPPROTO_IPV6, "IPv6-in-IP"},
                                   Name{IPPROTO_GRE, "GRE"},
                                   Name{IPPROTO_ESP, "ESP"},
                                   Name{IPPROTO_AH, "AH"},
                                   Name{IPPROTO_ICMPV6, "ICMPv6"},
                                   Name{IPPROTO_NONE, "no-next-header"},
                                   Name{89, "OSPF"},
                                   Name{IPPROTO_PIM, "PIM"},
                                   Name{112, "VRRP"},
                                   Name{IPPROTO_SCTP, "SCTP"},
                                   Name{IPPROTO_UDPLITE, "UDP-Lite"}};
constexpr std::array kIcmpTypes = {Name{0, "echo reply"}, Name{3, "unreachable"}, Name{5, "redirect"},
                                   Name{8, "echo request"}, Name{11, "time exceeded"}};
constexpr std::array kIcmpv6Types = {Name{1, "unreachable"},
                                     Name{2, "packet too big"},
                                     Name{3, "time exceeded"},
                                     Name{4, "parameter problem"},
                                     Name{128, "echo request"},
                                     Name{129, "echo reply"},
                                     Name{130, "MLD query"},
                                     Name{131, "MLD report"},
                                     Name{132, "MLD done"},
                                     Name{133, "router solicitation"},
                                     Name{134, "router advertisement"},
                                     Name{135, "neighbour solicitation"},
                                     Name{136, "neighbour advertisement"},
                                     Name{143, "MLDv2 report"}};
constexpr std::array kEtherTypes = {
    Name{0x0800, "IPv4"},   Name{0x0806, "ARP"},      Name{0x86dd, "IPv6"}, Name{0x88cc, "LLDP"},
    Name{0x8926, "VN-Tag"}, Name{0x6558, "Ethernet"}, Name{0x880b, "PPP"},  Name{0x88be, "ERSPAN"},
    Name{0x8847, "MPLS"},   Name{0x888e, "EAPOL"},    Name{0x8809, "LACP"}, Name{0x9000, "loopback test"}};
constexpr std::array kPppoeCodes = {Name{0x09, "PADI"}, Name{0x07, "PADO"}, Name{0x19, "PADR"},
                                    Name{0x65, "PADS"}, Name{0xa7, "PADT"}};
constexpr std::array kPppProtocols = {Name{0xc021, "LCP"}, Name{0xc023, "PAP"}, Name{0xc223, "CHAP"},
                                      Name{0x8021, "IPCP"}, Name{0x8057, "IPV6CP"}};
constexpr std::array kLlcSaps = {Name{0x42, "STP"}, Name{0xe0, "IPX"}, Name{0xf0, "NetBIOS"},
                                 Name{0xfe, "ISO"}};

std::string NameOf(std::uint32_t value, std::span<const Name> names, std::string_view otherwise) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](const Name& name) { return name.first == value; });
  return found == names.end() ? fmt::format(fmt::runtime(otherwise), value) : std::string(found->second);
}

std::string EtherTypeName(std::uint16_t type) {
  return NameOf(type, kEtherTypes, "ethertype {:#06x}");
}

IpAddress AddressAt(const PacketView& packet, std::size_t at, int family) {
  IpAddress address{.family = family};
  for (int i = 0; i < address.size(); ++i) {
    address.bytes[static_cast<std::size_t>(i)] = packet.U8(at + static_cast<std::size_t>(i));
  }
  return address;
}

std::string MacAt(const PacketView& packet, std::size_t at) {
  MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) mac.bytes[i] = packet.U8(at + i);
  return mac.ToString();
}

std::string TcpFlags(std::uint8_t flags) {
  constexpr std::array kFlags = {Name{0x02, "SYN"}, Name{0x01, "FIN"}, Name{0x04, "RST"}, Name{0x08, "PSH"},
                                 Name{0x10, "ACK"}, Name{0x20, "URG"}, Name{0x40, "ECE"}, Name{0x80, "CWR"}};
  std::string text;
  for (const auto& [bit, name] : kFlags) {
    if ((flags & bit) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text.empty() ? "no flags" : text;
}

bool HasPorts(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
         protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

// What a person wants to know of the protocol above IP, after its name.
std::string TransportDetail(const PacketView& packet, const IpPayload& payload) {
  const std::size_t at = payload.offset;
  switch (payload.protocol) {
    case IPPROTO_TCP:
      return packet.Has(at, 14) ? TcpFlags(packet.U8(at + 13)) : "cut";
    case IPPROTO_ICMP:
      return packet.Has(at, 1) ? NameOf(packet.U8(at), kIcmpTypes, "type {}") : "cut";
    case IPPROTO_ICMPV6:
      return packet.Has(at, 1) ? NameOf(packet.U8(at), kIcmpv6Types, "type {}") : "cut";
    case IPPROTO_GRE:
      return packet.Has(at, 4) ? EtherTypeName(packet.U16(at + 2)) : "cut";
    default:
      return HasPorts(payload.protocol) && !packet.Has(at, 4) ? "cut" : "";
  }
}

std::string Ip(const PacketView& packet, std::size_t ip, int family) {
  const bool v4 = family == AF_INET;
  if (!packet.Has(ip, v4 ? 20 : 40)) return v4 ? "IPv4 cut" : "IPv6 cut";
  const IpPayload payload = v4 ? FindIpv4Payload(packet, ip) : FindIpv6Payload(packet, ip);
  std::string source = AddressAt(packet, ip + (v4 ? 12 : 8), family).ToString();
  std::string destination = AddressAt(packet, ip + (v4 ? 16 : 24), family).ToString();
  if (payload.cut)
    return fmt::format("{} > {} {} header cut or not valid", source, destination, v4 ? "IPv4" : "IPv6");

  const bool transport = payload.fragment_offset == 0;
  if (transport && HasPorts(payload.protocol) && packet.Has(payload.offset, 4)) {
    constexpr std::string_view kV4 = "{}:{}";
    constexpr std::string_view kV6 = "[{}]:{}";
    const auto format = fmt::runtime(v4 ? kV4 : kV6);
    source = fmt::format(format, source, packet.U16(payload.offset));
    destination = fmt::format(format, destination, packet.U16(payload.offset + 2));
  }
  std::string text =
      fmt::format("{} > {} {}", source, destination, NameOf(payload.protocol, kProtocols, "protocol {}"));
  if (transport) {
    const std::string detail = TransportDetail(packet, payload);
    if (!detail.empty()) text += " " + detail;
  }
  if (payload.fragment) text += fmt::format(" frag@{}", payload.fragment_offset);
  return text;
}

std::string Arp(const PacketView& packet, std::size_t at) {
  if (!packet.Has(at, 28)) return "ARP cut";
  const std::uint16_t operation = packet.U16(at + 6);
  if (packet.U16(at + 2) != kEtherTypeIpv4) return fmt::format("ARP operation {}", operation);
  const std::string sender = AddressAt(packet, at + 14, AF_INET).ToString();
  const std::string target = AddressAt(packet, at + 24, AF_INET).ToString();
  if (operation == 1) return fmt::format("ARP who-has {} tell {}", target, sender);
  if (operation == 2) return fmt::format("ARP reply {} is-at {}", sender, MacAt(packet, at + 8));
  return fmt::format("ARP operation {} {} > {}", operation, sender, target);
}

std::string Mpls(const PacketView& packet, std::size_t at) {
  constexpr int kMaxLabels = 16;
  std::string text = "mpls";
  for (int i = 0; i < kMaxLabels && packet.Has(at, 4); ++i) {
    const std::uint32_t entry = packet.U32(at);
    text += fmt::format("{}{}", i == 0 ? ' ' : ',', entry >> 12);
    at += 4;
    if ((entry & 0x100) == 0) continue;
    const int version =
        packet.U8(at) >> 4;  // MPLS does not say what it carries: by custom the first nibble tells
    if (version == 4) return text + " " + Ip(packet, at, AF_INET);
    if (version == 6) return text + " " + Ip(packet, at, AF_INET6);
    return text;
  }
  return text + " cut";
}

std::string PppoeDiscovery(const PacketView& packet, std::size_t at) {
  return "PPPoE " + (packet.Has(at, 6) ? NameOf(packet.U8(at + 1), kPppoeCodes, "code {:#04x}") : "cut");
}

std::string PppoeSession(const PacketView& packet, std::size_t at) {
  if (!packet.Has(at, 8)) return "PPPoE cut";
  const std::string session = fmt::format("pppoe {} ", packet.U16(at + 2));
  const std::uint16_t protocol = packet.U16(at + 6);
  if (protocol == 0x0021) return session + Ip(packet, at + 8, AF_INET);
  if (protocol == 0x0057) return session + Ip(packet, at + 8, AF_INET6);
  return session + NameOf(protocol, kPppProtocols, "PPP {:#06x}");
}

std::string Llc(const PacketView& packet, std::size_t at) {
  if (!packet.Has(at, 3)) return "LLC cut";
  const std::uint8_t sap = packet.U8(at);
  if (sap != 0xaa || !packet.Has(at, 8)) return "LLC " + NameOf(sap, kLlcSaps, "sap {:#04x}");
  const std::uint32_t organisation = packet.U32(at + 2) & 0xffffff;
  const std::uint16_t type = packet.U16(at + 6);
  if (organisation == 0) return "SNAP " + EtherTypeName(type);
  if (organisation == 0x00000c && type == 0x2000) return "CDP";
  return fmt::format("SNAP {:06x}:{:04x}", organisation, type);
}

std::string Payload(const PacketView& packet, const EthernetPayload& payload) {
  const std::string macs = fmt::format("{} > {} ", MacAt(packet, 6), MacAt(packet, 0));
  switch (payload.type) {
    case kEtherTypeIpv4:
      return Ip(packet, payload.offset, AF_INET);
    case kEtherTypeIpv6:
      return Ip(packet, payload.offset, AF_INET6);
    case 0x0806:
      return Arp(packet, payload.offset);
    case 0x8847:
    case 0x8848:
      return Mpls(packet, payload.offset);
    case 0x8863:
      return macs + PppoeDiscovery(packet, payload.offset);
    case 0x8864:
      return PppoeSession(packet, payload.offset);
    default:
      return macs + (payload.type < 0x600 ? Llc(packet, payload.offset) : EtherTypeName(payload.type));
  }
}

}  // namespace

std::string SummarizePacket(std::span<const std::byte> bytes) {
  const PacketView packet(bytes);
  if (packet.size() < kEthernetHeader) return fmt::format("Ethernet cut {}", packet.size());
  const EthernetPayload payload = FindEthernetPayload(packet);
  std::string text;
  for (const std::uint16_t vlan : payload.vlans) text += fmt::format("vlan {} ", vlan);
  return fmt::format("{}{} {}", text, Payload(packet, payload), packet.size());
}

}  // namespace knetlab
