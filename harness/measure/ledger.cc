// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace knetlab {
namespace {

constexpr std::array<std::string_view, 6> kFateNames = {"dropped",    "passed",    "transmitted",
                                                        "redirected", "delivered", "lost"};

void AddTo(std::vector<LedgerEntry>& entries, LedgerEntry entry) {
  auto same = std::find_if(entries.begin(), entries.end(), [&](const LedgerEntry& other) {
    return other.fate == entry.fate && other.place == entry.place && other.reason == entry.reason;
  });
  if (same != entries.end()) {
    same->count += entry.count;
  } else {
    entries.push_back(std::move(entry));
  }
}

void Arrange(std::vector<LedgerEntry>& entries) {
  std::erase_if(entries, [](const LedgerEntry& entry) { return entry.count == 0; });
  std::sort(entries.begin(), entries.end(), [](const LedgerEntry& a, const LedgerEntry& b) {
    return std::tie(b.count, a.fate, a.place, a.reason) < std::tie(a.count, b.fate, b.place, b.reason);
  });
}

}  // namespace

std::string_view FateName(Fate fate) {
  return kFateNames.at(static_cast<std::size_t>(fate));
}

std::uint64_t Ledger::Count(Fate fate) const {
  std::uint64_t sum = 0;
  for (const LedgerEntry& entry : entries) sum += entry.fate == fate ? entry.count : 0;
  return sum;
}

std::uint64_t Ledger::CountAt(Fate fate, std::string_view place) const {
  std::uint64_t sum = 0;
  for (const LedgerEntry& entry : entries) {
    sum += entry.fate == fate && entry.place == place ? entry.count : 0;
  }
  return sum;
}

void Ledger::Add(Fate fate, std::string_view place, std::string_view reason, std::uint64_t count) {
  AddTo(entries, {fate, std::string(place), std::string(reason), count});
}

void Ledger::AddBackground(Fate fate, std::string_view place, std::string_view reason, std::uint64_t count) {
  AddTo(background, {fate, std::string(place), std::string(reason), count});
}

void Ledger::Merge(const Ledger& other) {
  sent += other.sent;
  for (const LedgerEntry& entry : other.entries) AddTo(entries, entry);
  for (const LedgerEntry& entry : other.background) AddTo(background, entry);
  missing.insert(missing.end(), other.missing.begin(), other.missing.end());
}

void Ledger::Close() {
  Arrange(entries);
  Arrange(background);
  std::uint64_t sum = 0;
  for (const LedgerEntry& entry : entries) sum += entry.count;
  unaccounted = sum > sent ? sum - sent : sent - sum;
}

std::string LedgerSentence(const Ledger& ledger) {
  std::string text = fmt::format("{} sent", ledger.sent);
  const char* separator = " = ";
  for (std::size_t i = 0; i < kFateNames.size(); i++) {
    std::uint64_t count = ledger.Count(static_cast<Fate>(i));
    if (count == 0) continue;
    text += fmt::format("{}{} {}", separator, count, kFateNames.at(i));
    separator = " + ";
  }
  if (!ledger.balanced()) text += fmt::format("{}{} unaccounted", separator, ledger.unaccounted);
  return text;
}

}  // namespace knetlab
