// SPDX-License-Identifier: Apache-2.0
// Fields of a flood's packets and what they are to be: "src" is "random 198.18.0.0/15", "sport" is
// "1024-65535", "len" is "imix".
//
//   field    src dst           an address or prefix (its host bits vary), "random PREFIX"
//            smac dmac         an address, "random"
//            sport dport seq ack window ttl tos id type code vlan len
//   numbers  5   1-9   1,5,9   random   count 1-9 (one after the other)   0x1f
//            len counts bytes of the frame, without its checksum; "imix" is 64, 594 and 1514 as 7:4:1
//            flags also takes names: syn,ack
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netns/ip.h"

namespace knetlab {

enum class FloodField {
  kSmac,
  kDmac,
  kVlan,
  kSrc,
  kDst,
  kTtl,
  kTos,
  kId,
  kSport,
  kDport,
  kSeq,
  kAck,
  kFlags,
  kWindow,
  kType,
  kCode,
  kLen
};

// Every flood draws from one of these. Its numbers are the same on every machine (std::mt19937_64 is
// specified; the distributions of the standard library are not, so none is used).
class FloodRandom {
 public:
  explicit FloodRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Next() { return engine_(); }
  std::uint64_t Below(std::uint64_t bound) { return bound == 0 ? engine_() : engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

struct FloodValue {
  std::uint64_t number = 0;
  IpAddress address{};  // of src and dst
};

class FloodSpec {
 public:
  // Throws Error: no such field (with the nearest one), a value that it cannot have.
  static FloodSpec Parse(std::string_view field, std::string_view text);
  // "FIELD=SPEC", as on the command line.
  static FloodSpec Parse(std::string_view assignment);

  FloodField field() const { return field_; }
  // Of src and dst: AF_INET or AF_INET6; else 0.
  int family() const { return prefix_.address.family; }
  // For the packet with this number, from 0.
  FloodValue Draw(FloodRandom& random, std::uint64_t packet) const;

 private:
  void ParseAddress(std::string_view text);
  void ParseNumbers(std::string_view text);
  FloodField field_ = FloodField::kSrc;
  IpPrefix prefix_{};                     // of addresses; the host bits vary
  std::vector<std::uint64_t> choices_{};  // one of these, or
  std::uint64_t low_ = 0, high_ = 0;      // one of a range
  bool counts_ = false;                   // one after the other
};

std::vector<std::string> FloodFieldNames();

}  // namespace knetlab
