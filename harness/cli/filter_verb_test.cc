// SPDX-License-Identifier: Apache-2.0
// knetlab filter, as it is typed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/cli/command_test_support.h"

namespace knetlab {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(FilterVerb, ShowsAFilterBesideItsProgram) {
  const Finished shown = RunKnetlab({"filter", "ip and udp dst port 53"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, StartsWith("ip and udp dst port 53\n\n  cBPF, 11 instructions "));
  EXPECT_THAT(shown.out, HasSubstr("eBPF for XDP, "));
  EXPECT_THAT(shown.out, HasSubstr("\n  (000) ldh      [12]          "));
  EXPECT_THAT(shown.out, HasSubstr("   0: (61) r"));
  EXPECT_THAT(shown.out,
              HasSubstr("next    knetlab filter 'ip and udp dst port 53' --emit object -o filter.o\n"));
  EXPECT_THAT(RunKnetlab({"filter", "ip", "--target", "tc"}).out, HasSubstr("eBPF for TC, "));
  EXPECT_THAT(RunKnetlab({"filter", "tcp", "--target", "xtbpf"}).out, HasSubstr("iptables -A INPUT -m bpf"));
}

TEST(FilterVerb, RefusesInLibpcapsWordsWithACaret) {
  const Finished refused = RunKnetlab({"filter", "tcp port 80 and and udp"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.out, IsEmpty());
  EXPECT_THAT(refused.err, HasSubstr("syntax error"));
  EXPECT_THAT(refused.err, HasSubstr("tcp port 80 and and udp\n"));
  EXPECT_THAT(refused.err, HasSubstr("                ^"));
  const Finished document = RunKnetlab({"filter", "ip proto \\nonsense", "--json"});
  EXPECT_EQ(document.status, 2);
  EXPECT_THAT(json::parse(document.out).at("error").at("why").get<std::string>(),
              HasSubstr("unknown ip proto"));
}

TEST(FilterVerb, TellsSizes) {
  const TestFolder folder;
  const std::string file = folder.Write("filters", "# two\nip\ntcp port\n");
  const Finished stats = RunKnetlab({"filter", "-f", file, "-f", file, "--stats", "--json"});
  EXPECT_EQ(stats.status, 0) << stats.err;
  const json document = json::parse(stats.out);
  EXPECT_EQ(document.at("schema"), "knetlab.filter/1");
  ASSERT_EQ(document.at("filters").size(), 4U);
  EXPECT_EQ(document.at("filters")[0].at("cbpf"), 4);
  EXPECT_GT(document.at("filters")[0].at("ebpf").at("xdp"), 3);
  EXPECT_GT(document.at("filters")[0].at("ebpf").at("tc"), 3);
  EXPECT_TRUE(document.at("filters")[0].at("error").is_null());
  EXPECT_THAT(document.at("filters")[1].at("error").get<std::string>(), HasSubstr("syntax error"));
  EXPECT_THAT(RunKnetlab({"filter", "-f", file}).out, HasSubstr("1 filter: 4 instructions of cBPF"));
}

TEST(FilterVerb, WritesEveryForm) {
  const TestFolder folder;
  EXPECT_EQ(RunKnetlab({"filter", "ip", "--emit", "cbpf"}).out,
            "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n");
  EXPECT_THAT(RunKnetlab({"filter", "ip", "--emit", "xtbpf"}).out,
              StartsWith("5,48 0 0 0,84 0 0 240,21 0 1 64,"));
  EXPECT_THAT(RunKnetlab({"filter", "ip", "--emit", "c"}).out, HasSubstr("/* ip */"));
  EXPECT_THAT(RunKnetlab({"filter", "ip", "--emit", "ebpf"}).out, HasSubstr("exit"));
  const std::string object = folder.Path("f.o");
  EXPECT_EQ(RunKnetlab({"filter", "ip", "--emit", "object", "-o", object, "--match", "tx"}).status, 0);
  EXPECT_THAT(ReadWhole(object), StartsWith("\x7f"
                                            "ELF"));
  // And reads what it wrote.
  const std::string classic = folder.Write("c", RunKnetlab({"filter", "ip", "--emit", "cbpf"}).out);
  EXPECT_EQ(RunKnetlab({"filter", "--cbpf", classic, "--emit", "cbpf"}).out, ReadWhole(classic));
  EXPECT_EQ(RunKnetlab({"filter", "--cbpf", classic, "--emit", "ebpf"}).out,
            RunKnetlab({"filter", "ip", "--emit", "ebpf"}).out);
}

TEST(FilterVerb, ChecksAgainstLibpcap) {
  const std::string capture = std::string(KNETLAB_CAPTURES) + "/dnscap__dns.pcap";
  const Finished checked = RunKnetlab({"filter", "udp dst port 53", "--check", capture, capture, "--json"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  const json document = json::parse(checked.out);
  EXPECT_EQ(document.at("packets"), 266);
  EXPECT_EQ(document.at("comparisons"), 532);
  EXPECT_EQ(document.at("matches"), 4 * 41);
  EXPECT_TRUE(document.at("differences").empty());
  EXPECT_TRUE(document.at("refused").empty());
  EXPECT_THAT(RunKnetlab({"filter", "udp", "--check", capture}).out, HasSubstr("differences"));
}

TEST(FilterVerb, RefusesWhatMakesNoSense) {
  EXPECT_EQ(RunKnetlab({"filter", "ip", "--emit", "c", "--json"}).status, 2);
  const TestFolder folder;
  const std::string file = folder.Write("filters", "ip\n");
  const std::vector<std::vector<std::string>> wrong = {
      {"filter"},
      {"filter", "ip", "-f", file},
      {"filter", "ip", "--emit", "c", "--stats"},
      {"filter", "-f", file, "--emit", "c"},
      {"filter", "ip", "--emit", "cbpf", "--match", "drop"},
      {"filter", "ip", "--match", "dorp"},
      {"filter", "ip", "--target", "xtbpf", "--emit", "object"},
      {"filter", "inbound", "--target", "xdp"},
      {"filter", "-f", "/nonexistent"},
      {"filter", "ip", "--check", "/nonexistent"},
  };
  for (const std::vector<std::string>& words : wrong) {
    const Finished finished = RunKnetlab(words);
    EXPECT_EQ(finished.status, 2) << testing::PrintToString(words) << finished.out;
    EXPECT_THAT(finished.err, StartsWith("knetlab: ")) << testing::PrintToString(words);
  }
}

}  // namespace
}  // namespace knetlab
