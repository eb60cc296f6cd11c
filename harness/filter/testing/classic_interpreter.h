// SPDX-License-Identifier: Apache-2.0
// An interpreter of classic BPF of our own, the reference that compiled filters are compared with. Its
// semantics are those of libpcap's (pcap_filter() in bpf_filter.c; a test compares the two), with memory
// words that begin as 0, which libpcap leaves undefined. It also says which ways a program took.
//
// Plain values; thread-safe but for a Coverage that threads share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "harness/filter/classic.h"

namespace knetlab::filter_testing {

using PacketBytes = std::vector<std::uint8_t>;

// What SKF_AD_OFF + n loads, by that offset. What is not there is no match, as for libpcap.
using Ancillary = std::map<std::uint32_t, std::uint32_t>;

struct ClassicInput {
  std::span<const std::uint8_t> bytes{};
  std::uint32_t wire_length = 0;         // what `len` is
  const Ancillary* ancillary = nullptr;  // borrowed
};

// Ways that were taken out of each instruction of one program.
class Coverage {
 public:
  enum Way : std::uint8_t { kYes = 1, kNo = 2, kInside = 4, kBeyond = 8 };

  explicit Coverage(const ClassicProgram& program) : program_(&program), ways_(program.size()) {}

  void Add(std::size_t at, Way way) { ways_[at] |= way; }
  bool Has(std::size_t at, Way way) const { return (ways_[at] & way) != 0; }
  // True where `other`, of the same program, took a way that this one had not.
  bool Merge(const Coverage& other);

  // Conditional jumps count twice each, once for a way; those with one target for both are none.
  std::size_t branches() const;
  std::size_t taken() const;
  bool IsBranch(std::size_t at) const;

 private:
  const ClassicProgram* program_;
  std::vector<std::uint8_t> ways_;
};

struct ClassicRun {
  enum class End : std::uint8_t {
    kReturned,
    kBeyond,    // a load beyond the packet
    kDivision,  // by zero
    kSteps      // the limit: a loop without end
  };
  std::uint32_t result = 0;  // 0: no match
  End end = End::kReturned;
};

inline constexpr std::size_t kClassicSteps = 1'000'000;

// `program` is one that ValidateClassic() takes.
ClassicRun RunClassic(const ClassicProgram& program, const ClassicInput& input, Coverage* coverage = nullptr,
                      std::size_t max_steps = kClassicSteps);

// Whether a packet as it is, nothing cut off, matches.
bool ClassicMatches(const ClassicProgram& program, std::span<const std::uint8_t> packet);

// The parts that tracing (trace.h) shares. Shifts by 32 and more give 0; `right` is not 0 in a division.
std::uint32_t ClassicAlu(std::uint16_t code, std::uint32_t left, std::uint32_t right);
bool ClassicCondition(std::uint16_t code, std::uint32_t left, std::uint32_t right);
std::size_t ClassicLoadSize(std::uint16_t code);  // bytes
// BPF_LD | BPF_ABS at an offset that the kernel knows as something else than a packet byte.
bool IsAncillaryLoad(const sock_filter& instruction);
// Big-endian; the bytes are there.
std::uint32_t ReadBigEndian(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t size);

}  // namespace knetlab::filter_testing
