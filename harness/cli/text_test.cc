// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/text.h"

#include <gtest/gtest.h>

#include "harness/cli/failure.h"

namespace knetlab {
namespace {

TEST(Text, CountsHaveSeparatorsFromTenThousandOn) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(9999), "9999");
  EXPECT_EQ(FormatCount(10000), "10,000");
  EXPECT_EQ(FormatCount(123456), "123,456");
  EXPECT_EQ(FormatCount(18446744073709551615ULL), "18,446,744,073,709,551,615");
}

TEST(Text, OneIsSingular) {
  EXPECT_EQ(FormatPlural(1, "packet"), "1 packet");
  EXPECT_EQ(FormatPlural(0, "packet"), "0 packets");
}

TEST(Text, SizesHaveTheUnitThatKeepsThemShort) {
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.0 KB");
  EXPECT_EQ(FormatBytes(20480), "20 KB");
  EXPECT_EQ(FormatBytes(999499), "999 KB");
  EXPECT_EQ(FormatBytes(999500), "1.0 MB");
  EXPECT_EQ(FormatBytes(4000000000ULL), "4.0 GB");
}

TEST(Text, TimesHaveTheUnitThatKeepsThemShort) {
  EXPECT_EQ(FormatDuration(0.000047), "47 us");
  EXPECT_EQ(FormatDuration(0.018), "18 ms");
  EXPECT_EQ(FormatDuration(0.9996), "1.0 s");
  EXPECT_EQ(FormatDuration(3.14), "3.1 s");
}

TEST(Text, ShareOfNothingIsZero) {
  EXPECT_EQ(FormatShare(120, 133), "90.2 %");
  EXPECT_EQ(FormatShare(0, 0), "0.0 %");
}

TEST(TerminalSafe, KeepsTextAndReplacesControls) {
  EXPECT_EQ(TerminalSafe("a\tb\nc caf\u00e9"), "a\tb\nc caf\u00e9");
  EXPECT_EQ(TerminalSafe("\033[31m\r\x7f"), "?[31m??");
  EXPECT_EQ(TerminalSafe("\u009b31m"), "?31m");  // the one-character form of ESC [
}

TEST(FailureText, SaysWhatWhereWhyAndThenWhatToTry) {
  const Error error({.what = "attach XDP",
                     .where = "server:eth0",
                     .why = "no",
                     .hint = "mode generic",
                     .detail = "log 1\nlog 2"});
  EXPECT_EQ(FailureText(error),
            "knetlab: attach XDP server:eth0: no\n"
            "  try: mode generic\n"
            "    log 1\n"
            "    log 2\n");
}

TEST(FailureText, ANearestNameStandsBehindTheCause) {
  const Error error(
      {.what = "choose hook", .where = "xpd", .why = "none such", .hint = "did you mean xdp?", .detail = ""});
  EXPECT_EQ(FailureText(error), "knetlab: choose hook xpd: none such (did you mean xdp?)\n");
}

TEST(MistakeText, BeginsWithThePlaceAsCompilersDo) {
  const Error error({.what = "read scenario",
                     .where = "a.yaml:3:1",
                     .why = "unknown key",
                     .hint = "did you mean steps?",
                     .detail = ""});
  EXPECT_EQ(MistakeText(error), "a.yaml:3:1: unknown key (did you mean steps?)\n");
}

}  // namespace
}  // namespace knetlab
