// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/table.h"

#include <gtest/gtest.h>

namespace knetlab {
namespace {

Table Verdicts() {
  Table table({{"verdict"}, {"packets", Align::kRight}, {"first seen"}});
  table.Add({"XDP_DROP", "120", "#1"});
  table.Add({"XDP_PASS", "13", ""});
  return table;
}

TEST(Table, AlignsWordsLeftAndNumbersRightAndEndsLinesWithoutSpaces) {
  EXPECT_EQ(Verdicts().Render({}),
            "  verdict   packets  first seen\n"
            "  XDP_DROP      120  #1\n"
            "  XDP_PASS       13\n");
}

TEST(Table, WithoutTitlesHasNoTitleLine) {
  Table table({{""}, {""}});
  table.Add({"a", "b"});
  EXPECT_EQ(table.Render({.indent = 0}), "a  b\n");
}

TEST(Table, ALineBelowBeginsAtItsColumnAndWidensNone) {
  Table table({{"name"}, {"works"}, {"detail"}});
  table.Add({"netem", "no", "absent"});
  table.AddBelow(1, "a long hint that reaches far");
  table.Add({"tbf", "yes", "added"});
  EXPECT_EQ(table.Render({.indent = 0}),
            "name   works  detail\n"
            "netem  no     absent\n"
            "       a long hint that reaches far\n"
            "tbf    yes    added\n");
}

TEST(Table, ColourChangesNothingButTheColour) {
  Table table({{"a"}, {"b"}});
  table.Add({Cell("bad", Style::kBad), "x"});
  std::string coloured = table.Render({.colour = true});
  EXPECT_NE(coloured.find("\033[1;31mbad\033[0m"), std::string::npos) << coloured;
  for (std::size_t at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033')) {
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  }
  EXPECT_EQ(coloured, table.Render({.colour = false}));
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table({{""}, {""}});
  table.Add({"caf\u00e9", "1"});
  table.Add({"tea.", "2"});
  EXPECT_EQ(table.Render({.indent = 0}), "caf\u00e9  1\ntea.  2\n");
}

TEST(Table, ACellCannotSteerTheTerminalNorBreakTheLine) {
  Table table({{""}});
  table.Add({"a\033[2Jb\nc\td"});
  EXPECT_EQ(table.Render({.indent = 0}), "a?[2Jb c d\n");
}

}  // namespace
}  // namespace knetlab
