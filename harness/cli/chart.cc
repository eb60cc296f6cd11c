// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string_view>

namespace knetlab {
namespace {

constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 5> kPlain = {"_", ".", "-", "=", "#"};

std::vector<double> Narrowed(const std::vector<double>& values, std::size_t width) {
  if (values.size() <= width) return values;
  std::vector<double> means;
  for (std::size_t i = 0; i < width; i++) {
    const std::size_t begin = i * values.size() / width, end = (i + 1) * values.size() / width;
    const double sum = std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                       values.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
    means.push_back(sum / static_cast<double>(end - begin));
  }
  return means;
}

}  // namespace

std::string Sparkline(const std::vector<double>& values, std::size_t width, bool plain) {
  if (values.empty() || width == 0) return "";
  const std::vector<double> shown = Narrowed(values, width);
  const auto [low, high] = std::minmax_element(shown.begin(), shown.end());
  const std::size_t levels = plain ? kPlain.size() : kBlocks.size();
  std::string line;
  for (const double value : shown) {
    const double part = *high > *low ? (value - *low) / (*high - *low) : 0.5;
    const auto level = std::min(levels - 1, static_cast<std::size_t>(part * static_cast<double>(levels)));
    line += plain ? kPlain.at(level) : kBlocks.at(level);
  }
  return line;
}

// As setlocale() would choose; the command itself stays in the "C" locale.
bool IsUtf8Locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace knetlab
