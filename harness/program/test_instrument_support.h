// SPDX-License-Identifier: Apache-2.0
// What the tests of instrumentation share: programs to insert that keep what they saw, packets of captures,
// and the comparison of a program with its instrumented self.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/program/instrument.h"
#include "harness/program/object.h"
#include "netns/fd.h"

namespace knetlab {

// What a program that was inserted saw last, and how often it ran.
struct Sighting {
  std::uint64_t hits = 0;
  std::uint64_t length = 0;
  std::vector<std::byte> packet;  // at most kSightingBytes of it
};
inline constexpr std::size_t kSightingBytes = 2048;

class Watcher {
 public:
  // `code` is what it returns, which nobody should heed.
  Watcher(const Program& program, std::int32_t code);

  const RawProgram& program() const { return *program_; }
  Sighting Read() const;  // only while it does not run
  std::uint64_t hits() const;
  void Forget() const;

 private:
  UniqueFd map_;
  std::optional<RawProgram> program_;
};

// A watcher in every place of a program.
class Watched {
 public:
  explicit Watched(const Program& program);

  const Watcher& entry() const { return watchers_.front(); }
  const Watcher& exit(std::size_t slot) const { return watchers_.at(slot + 1); }
  void Forget() const;
  // "" where exactly the entry and this exit have seen one packet each; else what is wrong.
  std::string OnlyAt(std::size_t slot) const;

 private:
  std::vector<Watcher> watchers_;
  std::vector<Insertion> insertions_;
};

// The packets of captures of the classic format, at least 14 bytes each.
std::vector<std::vector<std::byte>> PacketsOf(const std::string& capture);
// Packets whose 15th byte is 0 to 15, of several lengths.
std::vector<std::vector<std::byte>> ChoicePackets();

std::vector<std::byte> Choice(unsigned choice);  // one of them, 60 bytes

// One program, instrumented: by any method, or by those given.
LoadOptions Only(const std::string& program, std::vector<InstrumentMethod> methods = {});

// A program and itself instrumented, on the same packets, each from its own fresh maps.
struct Comparison {
  std::string refused;  // why the plain program does not load; nothing else is known then
  InstrumentMethod method = InstrumentMethod::kNone;
  std::string why, unseen;
  std::size_t packets = 0;               // that the kernel can try, and on which two plain runs agree
  std::size_t same = 0;                  // verdict and packet, with nothing inserted
  std::size_t watched = 0;               // verdict and packet, and the right places saw the right packets
  std::size_t unsteady = 0;              // on which two plain runs differ
  std::vector<std::string> differences;  // the first few
};
Comparison Compare(const std::string& path, const std::string& program, const LoadOptions& options,
                   const std::vector<std::vector<std::byte>>& packets);

}  // namespace knetlab
