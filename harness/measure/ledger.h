// SPDX-License-Identifier: Apache-2.0
// The ledger: the account of every packet of a run. Each packet sent is in one entry, its last known fate:
//
//   dropped      a program under test or a rule (netfilter) decided against it
//   passed       every program let it through and the kernel's stack took it; place and reason tell how the
//   stack ended it transmitted  sent back by XDP_TX redirected   sent on by a redirect, and no socket took it
//   there delivered    a socket has it lost         it vanished where nobody decided so: a full ring, queue
//   or socket, a peer without NAPI; always with place and reason
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

enum class Fate { kDropped, kPassed, kTransmitted, kRedirected, kDelivered, kLost };

// The verdict shown for a packet that the kernel would not take at all (too large), and for one lost before
// it got to the program.
inline constexpr const char* kVerdictRefused = "REFUSED";
inline constexpr const char* kVerdictLost = "LOST";

std::string_view FateName(Fate fate);  // "dropped" ...

struct LedgerEntry {
  Fate fate = Fate::kLost;
  std::string place;   // "server:eth0 xdp drop", "server:socket 10.0.0.2:53", "client:eth0 qdisc"
  std::string reason;  // "XDP_DROP", a kernel drop reason, an errno name; empty where the place says it all
  std::uint64_t count = 0;
};

struct Ledger {
  std::uint64_t sent = 0;            // packets offered to the kernel
  std::vector<LedgerEntry> entries;  // count > 0, the largest first
  std::vector<LedgerEntry>
      background;  // packets of the kernel and of others in the same namespaces; not part of the sum
  std::uint64_t unaccounted = 0;     // sent less the entries, or more entries than sent
  std::vector<std::string> missing;  // where unaccounted packets were last seen, for people

  bool balanced() const { return unaccounted == 0; }
  std::uint64_t Count(Fate fate) const;
  std::uint64_t CountAt(Fate fate, std::string_view place) const;
  // Adds to the entry of the same fate, place and reason.
  void Add(Fate fate, std::string_view place, std::string_view reason, std::uint64_t count);
  void AddBackground(Fate fate, std::string_view place, std::string_view reason, std::uint64_t count);
  // Adds all of another ledger: that of the next part of the same run.
  void Merge(const Ledger& other);
  // Sorts the entries and works out `unaccounted` from `sent`.
  void Close();
};

// "133 sent = 120 dropped + 13 passed"
std::string LedgerSentence(const Ledger& ledger);

}  // namespace knetlab
