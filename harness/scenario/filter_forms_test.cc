// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "harness/program/object.h"
#include "harness/program/test_run.h"
#include "harness/scenario/command.h"
#include "netns/error.h"
#include "netns/namespace.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "knetlab-forms-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

ErrorParts FailureOf(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& error) {
    return error.parts();
  }
  ADD_FAILURE() << "no error";
  return {};
}

std::string Emitted(const std::string& expression, const FilterOutput& output) {
  return EmitFilter(FilterOf(expression, output.hook), output);
}

TEST(EmitFilter, WritesObjectsThatTheLabLoads) {
  const Folder folder;
  std::vector<std::byte> packet(60);
  packet[0] = std::byte{1};
  const struct {
    FilterHook hook;
    const char *match, *otherwise;
    std::uint32_t matched, other;
  } kCases[] = {
      {FilterHook::kXdp, "", "", 1, 2},         {FilterHook::kXdp, "tx", "aborted", 3, 0},
      {FilterHook::kTc, "", "", 2, 0},          {FilterHook::kTc, "TC_ACT_UNSPEC", "shot", 0xffffffff, 2},
      {FilterHook::kSocket, "", "", 262144, 0},
  };
  for (const auto& one : kCases) {
    for (const bool matches : {true, false}) {
      const FilterOutput output{
          .hook = one.hook, .form = FilterForm::kObject, .match = one.match, .otherwise = one.otherwise};
      const std::string path = folder.Write("f.o", Emitted(matches ? "len > 20" : "len > 60", output));
      const BpfObject object = BpfObject::Load(path, {});
      EXPECT_EQ(TestRun(object.program("filter"), packet).code, matches ? one.matched : one.other);
    }
  }
}

TEST(EmitFilter, WritesText) {
  EXPECT_EQ(Emitted("ip", {.form = FilterForm::kClassic}),
            "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n");
  EXPECT_THAT(Emitted("ip", {.form = FilterForm::kEbpf}), StartsWith("   0: ("));
  EXPECT_THAT(Emitted("ip", {.hook = FilterHook::kTc, .form = FilterForm::kC, .match = "pass"}),
              HasSubstr("? TC_ACT_OK : TC_ACT_OK"));
}

TEST(EmitFilter, WritesBytecodeThatIptablesTakes) {
  const Namespace ns = Namespace::Create("iptables");
  const std::string bytecode =
      Emitted("tcp[13] = 2 and src net 10.0.0.0/8", {.hook = FilterHook::kXtBpf, .form = FilterForm::kXtBpf});
  const CommandResult result = RunCommand(ns,
                                          {"iptables", "-A", "INPUT", "-m", "bpf", "--bytecode",
                                           bytecode.substr(0, bytecode.size() - 1), "-j", "DROP"},
                                          {}, {});
  EXPECT_EQ(result.status, 0) << result.standard_error;
  // It begins with the IP header: the version is in the first byte.
  EXPECT_THAT(bytecode, HasSubstr(",48 0 0 0,84 0 0 240,"));
}

TEST(EmitFilter, RefusesWhatAHookDoesNotTake) {
  const auto why = [](const std::string& expression, const FilterOutput& output) {
    return FailureOf([&] { Emitted(expression, output); }).why;
  };
  std::string many = "port 1";
  for (int port = 2; port < 40; ++port) many += " or port " + std::to_string(port);
  EXPECT_THAT(why("ip6 protochain 17", {.hook = FilterHook::kSocket, .form = FilterForm::kClassic}),
              HasSubstr("jumps back"));
  EXPECT_THAT(why(many, {.hook = FilterHook::kXtBpf, .form = FilterForm::kXtBpf}),
              HasSubstr("iptables takes 64"));
  EXPECT_THAT(why("ip", {.hook = FilterHook::kXtBpf, .form = FilterForm::kObject}), HasSubstr("classic BPF"));
  EXPECT_THAT(why("ip", {.form = FilterForm::kClassic, .match = "drop"}), HasSubstr("no verdicts"));
  EXPECT_THAT(why("ip", {.form = FilterForm::kEbpf, .match = "dorp"}), HasSubstr("no such verdict"));
  EXPECT_THAT(why("ip", {.hook = FilterHook::kSocket, .form = FilterForm::kEbpf, .match = "tx"}),
              HasSubstr("keeps a packet"));
  EXPECT_THAT(FailureOf([] { FilterHookByName("xpd"); }).hint, HasSubstr("xdp"));
}

TEST(StatsOf, CountsWholeProgramsAndKeepsErrors) {
  const FilterStats good = StatsOf("ip");
  EXPECT_EQ(good.classic, 4U);
  EXPECT_EQ(good.xdp,
            CompileFor(FilterOf("ip", FilterHook::kXdp), {.form = FilterForm::kEbpf}).instructions.size());
  EXPECT_EQ(good.error, "");
  EXPECT_THAT(StatsOf("tcp port").error, HasSubstr("syntax error"));
  const FilterStats partly = StatsOf("inbound");
  EXPECT_FALSE(partly.xdp);
  EXPECT_TRUE(partly.tc);
  EXPECT_THAT(partly.error, StartsWith("xdp: "));
}

TEST(ReadExpressions, TakesOneALine) {
  const Folder folder;
  EXPECT_THAT(ReadExpressions(folder.Write("f", "# comment\n  tcp \r\n\nudp port 53 # not one\nip")),
              testing::ElementsAre("tcp", "udp port 53 # not one", "ip"));
  EXPECT_EQ(FailureOf([&] { ReadExpressions("/nonexistent"); }).where, "/nonexistent");
  EXPECT_EQ(ReadClassicFile(folder.Write("c", "1\n6 0 0 0\n")).size(), 1U);
  EXPECT_THAT(FailureOf([&] { ReadClassicFile(folder.Write("c", "1\n6 0 x 0\n")); }).where,
              HasSubstr("/c:2:5"));
}

}  // namespace
}  // namespace knetlab
