// SPDX-License-Identifier: Apache-2.0
// knetlab results trend.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/cli/chart.h"
#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verb_results.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/results_documents.h"
#include "results/trend.h"

namespace knetlab {
namespace {

std::string Charts(const std::vector<TrendSeries>& series, std::size_t width, bool colour) {
  constexpr std::size_t kOtherColumns = 70;
  constexpr std::size_t kNarrowest = 20;
  const std::size_t room = std::max(kNarrowest, width > kOtherColumns ? width - kOtherColumns : 0);
  Table table({{"scenario"},
               {"runs", Align::kRight},
               {"first", Align::kRight},
               {"lowest", Align::kRight},
               {"highest", Align::kRight},
               {"latest", Align::kRight},
               {"unit"},
               {"oldest to latest"}});
  for (const TrendSeries& one : series) {
    std::vector<double> values;
    for (const TrendPoint& point : one.points) values.push_back(point.median);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    table.Add({one.scenario, std::to_string(values.size()), ShowValue(values.front()), ShowValue(*low),
               ShowValue(*high), ShowValue(values.back()), one.unit,
               Sparkline(values, room, !IsUtf8Locale())});
  }
  return table.Render({.colour = colour});
}

}  // namespace

int ResultsTrend(Session& session, const ResultsArguments& arguments) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const std::vector<TrendSeries> series = TrendOf(store, arguments.metric, arguments.scenario);
  if (!arguments.svg.empty()) {
    Output picture(arguments.svg);
    picture.Write(TrendSvg(arguments.metric, series));
    picture.Commit();
  }
  session.output.Write(session.options.json
                           ? DumpDocument(TrendDocument(arguments.metric, series))
                           : fmt::format("{}, medians of each run\n\n", TerminalSafe(arguments.metric)) +
                                 Charts(series, session.output.width(), session.output.colour()));
  return kExitDone;
}

}  // namespace knetlab
