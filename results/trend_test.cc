// SPDX-License-Identifier: Apache-2.0
#include "results/trend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netns/error.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_results::Cost;
using testing_results::Folder;
using testing_results::MakeRun;
using testing_results::MakeScenario;

Store ThreeRuns(const Folder& folder) {
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  for (int run = 0; run < 3; run++) {
    RunRecord record = MakeRun("r" + std::to_string(run), run);
    record.label = "<label & \"more\">";
    store.Append(record);
    for (int i = 0; i < 3; i++) store.Append(MakeScenario(record.id, i, 4, {Cost(100 + 10 * run + i)}));
  }
  return store;
}

TEST(Trend, HasTheMedianOfEachRunInOrder) {
  const Folder folder;
  Store store = ThreeRuns(folder);
  const std::vector<TrendSeries> series = TrendOf(store, "cost.filter", "");
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].unit, "ns/packet");
  ASSERT_EQ(series[0].points.size(), 3U);
  EXPECT_EQ(series[0].points[1].low, 110);
  EXPECT_EQ(series[0].points[1].median, 111);
  EXPECT_EQ(series[0].points[1].high, 112);
  EXPECT_EQ(series[0].points[2].run, 3);
}

TEST(Trend, OfAMetricThatIsNotThereNamesThoseThatAre) {
  const Folder folder;
  Store store = ThreeRuns(folder);
  try {
    TrendOf(store, "cost.filtre", "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.parts().detail, HasSubstr("cost.filter"));
  }
  EXPECT_THROW(TrendOf(store, "cost.filter", "other"), Error);
}

TEST(Trend, AsSvgIsSelfContainedAndEscaped) {
  const Folder folder;
  Store store = ThreeRuns(folder);
  const std::string svg = TrendSvg("cost.filter", TrendOf(store, "cost.filter", ""));
  EXPECT_THAT(svg, HasSubstr("<polyline points="));
  EXPECT_THAT(svg, HasSubstr("&lt;label &amp; &quot;more&quot;&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<label")));
  EXPECT_THAT(svg, Not(HasSubstr("href")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Trend, OfOneRunAndOneValueCanBeDrawn) {
  const Folder folder;
  Store store(folder.Path("s.db"), Store::Mode::kWrite);
  store.Append(MakeRun("r"));
  store.Append(MakeScenario("r", 0, 4, {Cost(5)}));
  EXPECT_THAT(TrendSvg("cost.filter", TrendOf(store, "cost.filter", "")), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace knetlab
