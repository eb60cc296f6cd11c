// SPDX-License-Identifier: Apache-2.0
#include "netns/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace knetlab {
namespace {

constexpr std::size_t kLongestName = 256;  // names come from files of others: keep the quadratic table small
constexpr std::size_t kFewCandidates = 12;

bool SameLetter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

// Optimal string alignment distance over three rolling rows.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (SameLetter(a[i - 1], b[j - 1]) ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && SameLetter(a[i - 1], b[j - 2]) && SameLetter(a[i - 2], b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string NearestName(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.empty() || name.size() > kLongestName) return "";
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > name.size() + best || name.size() > candidate.size() + best)
      continue;
    const std::size_t distance = Distance(name, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return std::string(nearest);
}

std::string NearestHint(std::string_view name, const std::vector<std::string>& candidates) {
  if (std::string nearest = NearestName(name, candidates); !nearest.empty()) {
    return fmt::format("did you mean {}?", nearest);
  }
  if (candidates.empty() || candidates.size() > kFewCandidates) return "";
  return fmt::format("there {}: {}", candidates.size() == 1 ? "is" : "are", fmt::join(candidates, ", "));
}

}  // namespace knetlab
