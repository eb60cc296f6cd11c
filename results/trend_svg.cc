// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "results/trend.h"

namespace knetlab {
namespace {

constexpr double kWidth = 800, kPlotHeight = 300, kLeft = 80, kRight = 20, kTop = 40, kLine = 18;
// Okabe and Ito: told apart by those who do not see all colours.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};

std::string Escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:  // XML has no place for control characters, however they are written
        safe += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return safe;
}

struct Scale {
  std::map<std::int64_t, std::size_t> columns;  // run -> place
  double low = 0, high = 0;
  double X(std::int64_t run) const {
    const double steps = std::max<double>(1, static_cast<double>(columns.size()) - 1);
    return kLeft + (kWidth - kLeft - kRight) * static_cast<double>(columns.at(run)) / steps;
  }
  double Y(double value) const { return kTop + kPlotHeight * (high - value) / (high - low); }
};

Scale ScaleOf(const std::vector<TrendSeries>& series) {
  Scale scale;
  bool first = true;
  std::set<std::pair<std::int64_t, std::int64_t>> by_time;
  for (const TrendSeries& one : series) {
    for (const TrendPoint& point : one.points) {
      by_time.emplace(point.started_ns, point.run);
      scale.low = first ? point.low : std::min(scale.low, point.low);
      scale.high = first ? point.high : std::max(scale.high, point.high);
      first = false;
    }
  }
  for (const auto& [started, run] : by_time) scale.columns.emplace(run, scale.columns.size());
  if (scale.high <= scale.low) {
    scale.low -= 1;
    scale.high += 1;
  }
  return scale;
}

std::string Axes(const Scale& scale, const std::string& unit) {
  std::string svg;
  constexpr int kLines = 4;
  for (int i = 0; i <= kLines; i++) {
    const double value = scale.low + (scale.high - scale.low) * i / kLines;
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
                       kWidth - kRight, scale.Y(value), scale.Y(value));
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>\n", kLeft - 6,
                       scale.Y(value) + 4, value);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLeft - 6, kTop - 14,
                     Escaped(unit));
  // As many run numbers as there is room for.
  constexpr std::size_t kMostNumbers = 16;
  const std::size_t every = (scale.columns.size() + kMostNumbers - 1) / kMostNumbers;
  for (const auto& [run, column] : scale.columns) {
    if (column % every == 0)
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", scale.X(run),
                         kTop + kPlotHeight + kLine, run);
  }
  return svg + fmt::format("<text x=\"{}\" y=\"{}\">run</text>\n", 10, kTop + kPlotHeight + kLine);
}

std::string LineOf(const TrendSeries& series, const Scale& scale, const char* colour) {
  std::string points, marks;
  for (const TrendPoint& point : series.points) {
    const double x = scale.X(point.run), y = scale.Y(point.median);
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    marks += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\" "
        "stroke-opacity=\"0.4\"/>\n",
        x, scale.Y(point.low), scale.Y(point.high), colour);
    marks += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>run {} {} {:.12g} {} ({:.12g} to "
        "{:.12g}, {} repetitions) {}</title></circle>\n",
        x, y, colour, point.run, Escaped(point.label), point.median, Escaped(series.unit), point.low,
        point.high, point.samples, Escaped(point.revision));
  }
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\"/>\n{}", points, colour, marks);
}

}  // namespace

std::string TrendSvg(const std::string& metric, const std::vector<TrendSeries>& series) {
  const Scale scale = ScaleOf(series);
  const double legend = kTop + kPlotHeight + 2 * kLine;
  const double height = legend + kLine * static_cast<double>(series.size() + 1);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
      "<text x=\"{2}\" y=\"18\" font-weight=\"bold\">{3}</text>\n",
      kWidth, height, kLeft, Escaped(metric));
  svg += Axes(scale, series.empty() ? "" : series.front().unit);
  for (std::size_t i = 0; i < series.size(); i++) {
    const char* colour = kColours.at(i % kColours.size());
    svg += LineOf(series[i], scale, colour);
    const double y = legend + kLine * static_cast<double>(i);
    svg +=
        fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
                    kLeft + 4, y + 8, colour, kLeft + 14, y + 12,
                    Escaped(fmt::format("{}  {}  {}", series[i].scenario, series[i].rig, series[i].kernel)));
  }
  return svg + "</svg>\n";
}

}  // namespace knetlab
