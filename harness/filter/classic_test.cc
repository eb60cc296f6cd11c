// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/classic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "harness/filter/classic_test_support.h"
#include "harness/filter/reference.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;

ErrorParts FailureOf(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& error) {
    return error.parts();
  }
  ADD_FAILURE() << "no error";
  return {};
}

ErrorParts Refusal(const std::string& expression) {
  return FailureOf([&] { CompileExpression(expression); });
}

TEST(CompileExpression, GivesWhatTcpdumpShows) {
  EXPECT_EQ(FormatClassic(CompileExpression("ip and udp dst port 53"), ClassicFormat::kReadable),
            "(000) ldh      [12]\n"
            "(001) jeq      #0x800           jt 2\tjf 10\n"
            "(002) ldb      [23]\n"
            "(003) jeq      #0x11            jt 4\tjf 10\n"
            "(004) ldh      [20]\n"
            "(005) jset     #0x1fff          jt 10\tjf 6\n"
            "(006) ldxb     4*([14]&0xf)\n"
            "(007) ldh      [x + 16]\n"
            "(008) jeq      #0x35            jt 9\tjf 10\n"
            "(009) ret      #262144\n"
            "(010) ret      #0\n");
}

TEST(CompileExpression, TakesItsOptions) {
  EXPECT_GT(CompileExpression("tcp or tcp", {.optimise = false}).size(),
            CompileExpression("tcp or tcp").size());
  EXPECT_EQ(CompileExpression("", {.snaplen = 96}).back().k, 96U);
  EXPECT_NO_THROW(CompileExpression("ip broadcast", {.netmask = 0x00ffffff}));
}

TEST(CompileExpression, WorksInManyThreads) {
  const ClassicProgram expected = CompileExpression("tcp port 80");
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (std::size_t i = 0; i < equal.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 50; ++n)
        equal[i] += SameProgram(CompileExpression("tcp port 80"), expected) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(equal, ::testing::Each(50));
}

struct BadExpression {
  const char* expression;
  const char* message;
  const char* caret;  // the line below the expression; null: none is shown
};

TEST(CompileExpression, ShowsWhereItIsWrong) {
  const BadExpression kCases[] = {
      {"tcp port", "syntax error", "        ^"},
      {"tcp port 80 and and udp", "syntax error", "                ^"},
      {"tcp foo and udp", "syntax error", "    ^"},
      {"udp or (host 1.2.3.4 or )", "syntax error", "                        ^"},
      {"ip[2:2", "syntax error", "      ^"},
      {"ip[2:] = 1", "syntax error", "     ^"},
      {"(tcp", "syntax error", "    ^"},
      {"tcp)", "syntax error", "   ^"},
      {"tcp port $", "syntax error", "         ^"},
      {"portrange 5-", "syntax error", "           ^"},
      {"ether host ab:cd:ef:0:0:1 and and ip", "syntax error", "                              ^"},
      {"host 300.1.1.1", "invalid IPv4 address '300.1.1.1'", "     ^"},
      {"ip proto \\nonsense", "unknown ip proto 'nonsense'", "          ^"},
      {"udp port 53 and port hots", "unknown port 'hots'", "                     ^"},
      {"port hots and port hots", "unknown port 'hots'", nullptr},
      {"port 99999", "illegal port number 99999 > 65535", "     ^"},
      {"vlan 5000 and ip[0] = 4095", "VLAN tag 5000 greater than maximum 4095", "     ^"},
      {"tcp and ip broadcast", "netmask not known", "        ^"},
      {"net 10.0.0.0/33", "mask length must be <= 32", nullptr},
      {"ip[0]/0 = 1", "division by zero", nullptr},
  };
  for (const BadExpression& one : kCases) {
    const ErrorParts parts = Refusal(one.expression);
    EXPECT_THAT(parts.why, HasSubstr(one.message)) << one.expression;
    EXPECT_EQ(parts.where, one.expression);
    const std::string detail = one.caret == nullptr ? "" : std::string(one.expression) + "\n" + one.caret;
    EXPECT_EQ(parts.detail, detail) << one.expression;
  }
}

TEST(CompileExpression, IsBounded) {
  EXPECT_THAT(Refusal(std::string(70000, '(')).why, HasSubstr("at most 65536"));
  EXPECT_THAT(Refusal(std::string("tcp\0udp", 7)).why, HasSubstr("zero byte"));
  EXPECT_FALSE(Refusal(std::string(60000, '(')).why.empty());
}

TEST(FormatClassic, HasThreeForms) {
  const ClassicProgram program = CompileExpression("ip[0] & 1 = 1 and ip");
  const ClassicProgram small{{0x30, 0, 0, 5}, {0x15, 0, 1, 18}, {0x06, 0, 0, 262144}, {0x06, 0, 0, 0}};
  EXPECT_EQ(FormatClassic(small, ClassicFormat::kXtBpf), "4,48 0 0 5,21 0 1 18,6 0 0 262144,6 0 0 0");
  EXPECT_EQ(FormatClassic(small, ClassicFormat::kDecimal), "4\n48 0 0 5\n21 0 1 18\n6 0 0 262144\n6 0 0 0\n");
  for (const ClassicFormat format : {ClassicFormat::kXtBpf, ClassicFormat::kDecimal})
    EXPECT_TRUE(SameProgram(ParseClassic(FormatClassic(program, format)), program));
}

TEST(FormatClassic, ShowsEveryInstructionAsLibpcapDoes) {
  for (const std::uint32_t k : {0U, 1U, 15U, 0x80000000U, 0xffffffffU, 0xfffff000U, 0xfffff004U, 0xfffff030U,
                                0xfffff03cU, 0xfffff00cU, 0xfffff034U, 0xfffff033U}) {
    for (unsigned code = 0; code < 256; ++code) {
      const sock_filter one{static_cast<std::uint16_t>(code), 3, 4, k};
      if (!IsKnownCode(code)) continue;
      if (code == (BPF_LDX | BPF_W | BPF_LEN)) continue;  // libpcap runs it and cannot show it
      EXPECT_EQ(FormatClassic({one}, ClassicFormat::kReadable), LibpcapImage(one, 0) + "\n");
    }
  }
}

TEST(ParseClassic, TakesWhatToolsWrite) {
  const ClassicProgram one{{6, 0, 0, 0}};
  for (const char* text :
       {"1,6 0 0 0", "1,6 0 0 0,", "1\n6 0 0 0\n", "1\r\n6 0 0 0\r\n", " 1 , 6  0\t0 0 ,\n"})
    EXPECT_TRUE(SameProgram(ParseClassic(text), one)) << text;
}

TEST(ParseClassic, TellsThePlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "classic BPF:1:1"},
      {"x", "classic BPF:1:1"},
      {"0", "classic BPF:1:2"},
      {"2,6 0 0 0", "classic BPF:1:10"},
      {"1,6 0 0 0,6 0 0 0", "classic BPF:1:11"},
      {"1\n6 0 0\n", "classic BPF:2:6"},
      {"1,6 256 0 0", "classic BPF:1:5"},
      {"1,6 0 0 4294967296", "classic BPF:1:9"},
      {"1,6 0 0 -1", "classic BPF:1:9"},
      {"1,6 0 0 0x10", "classic BPF:1:10"},
      {"4097,6 0 0 0", "classic BPF:1:1"},
      {"99999999999999999999,", "classic BPF:1:1"},
      {"1 6 0 0 0", "classic BPF:1:3"},
  };
  for (const auto& [text, where] : kCases)
    EXPECT_EQ(FailureOf([&, given = text] { ParseClassic(given); }).where, where) << text;
}

TEST(ValidateClassic, NamesTheInstruction) {
  const std::pair<const char*, const char*> kCases[] = {
      {"1,48 0 0 0", "instruction 0: the last instruction is not a return"},
      {"2,255 0 0 0,6 0 0 0", "instruction 0: code 0xff is not one of classic BPF"},
      {"2,14 0 0 0,6 0 0 0", "instruction 0: code 0xe is not one of classic BPF"},
      {"3,0 0 0 0,96 0 0 16,6 0 0 0", "instruction 1: memory word 16; there are 0 to 15"},
      {"2,2 0 0 4294967295,6 0 0 0", "instruction 0: memory word 4294967295"},
      {"2,52 0 0 0,6 0 0 0", "instruction 0: division by zero"},
      {"2,148 0 0 0,6 0 0 0", "instruction 0: division by zero"},
      {"2,100 0 0 32,6 0 0 0", "instruction 0: shift by 32 bits"},
      {"2,21 0 1 0,6 0 0 0", "instruction 0: jump to instruction 2; there are 0 to 1"},
      {"2,21 255 0 0,6 0 0 0", "instruction 0: jump to instruction 256"},
      {"2,5 0 0 1,6 0 0 0", "instruction 0: jump to instruction 2; there are 0 to 1"},
      {"2,5 0 0 4294967294,6 0 0 0", "instruction 0: jump to instruction -1"},
  };
  for (const auto& [text, complaint] : kCases) {
    const ErrorParts parts = FailureOf([&, given = text] { ParseClassic(given); });
    EXPECT_THAT(parts.where + ": " + parts.why, HasSubstr(complaint)) << text;
  }
}

TEST(ValidateClassic, TakesWhatInterpretersRun) {
  for (const char* text : {
           "2,5 0 0 0,6 0 0 0",                   // ja 1
           "3,0 0 0 1,5 0 0 4294967294,6 0 0 0",  // back to 0
           "2,96 0 0 15,22 0 0 0",                // a word never written; ret a
           "2,60 0 0 0,6 0 0 0",                  // divides by x
           "2,100 0 0 31,6 0 0 0",
       })
    EXPECT_NO_THROW(ParseClassic(text)) << text;
}

TEST(RequireKernelTakes, RefusesWhatOnlyLibpcapRuns) {
  EXPECT_NO_THROW(RequireKernelTakes(CompileExpression("tcp port 80 and ip[2:2] > len")));
  EXPECT_NO_THROW(RequireKernelTakes(CompileExpression("ip[2:2] - ip[0] > 3", {.optimise = false})));
  EXPECT_THAT(FailureOf([] { RequireKernelTakes(CompileExpression("ip6 protochain 17")); }).why,
              HasSubstr("jumps back"));
  EXPECT_EQ(FailureOf([] { RequireKernelTakes(ParseClassic("4,21 0 1 0,2 0 0 3,96 0 0 3,22 0 0 0")); }).where,
            "instruction 2");
  EXPECT_NO_THROW(RequireKernelTakes(ParseClassic("5,2 0 0 3,21 0 1 0,2 0 0 3,96 0 0 3,22 0 0 0")));
}

TEST(CompileExpression, KnowsPacketsThatBeginWithTheirIpHeader) {
  EXPECT_EQ(
      FormatClassic(CompileExpression("ip[9] = 17", {.link = LinkLayer::kRawIp}), ClassicFormat::kXtBpf),
      "7,48 0 0 0,84 0 0 240,21 0 3 64,48 0 0 9,21 0 1 17,6 0 0 262144,6 0 0 0");
}

TEST(RunReference, IsLibpcapsInterpreter) {
  const ClassicProgram program = CompileExpression("ip and len > 100");
  std::vector<std::byte> packet(60);
  packet[12] = std::byte{8};
  EXPECT_EQ(RunReference(program, packet, 60), 0U);
  EXPECT_EQ(RunReference(program, packet, 101), 262144U);
  packet[13] = std::byte{6};
  EXPECT_EQ(RunReference(program, packet, 101), 0U);
}

TEST(RunReference, KnowsWhatItCannotDo) {
  EXPECT_TRUE(ReadsAncillary(CompileExpression("ifindex 10")));
  EXPECT_FALSE(ReadsAncillary(CompileExpression("tcp")));
  EXPECT_TRUE(EndsSurely(CompileExpression("tcp")));
  EXPECT_FALSE(EndsSurely(CompileExpression("ip6 protochain 17")));
}

}  // namespace
}  // namespace knetlab
