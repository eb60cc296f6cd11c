// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/c_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <random>
#include <string>
#include <vector>

#include "harness/filter/kernel_test_support.h"
#include "harness/filter/reference.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr const char* kClang = "clang -target bpf -O2 -Wall -Werror -I/usr/include/x86_64-linux-gnu -c ";

std::string Built(const std::string& source, const std::string& flags = "") {
  const TestFolder folder;
  WriteFile(folder.Path("f.c"), source);
  CommandOutput(kClang + flags + folder.Path("f.c") + " -o " + folder.Path("f.o"));
  return ReadFile(folder.Path("f.o"));
}

// Packets that get some way: each ethertype and protocol of the expressions below, cut at random lengths.
std::vector<Bytes> Packets(std::size_t count) {
  std::mt19937 random(7);
  const auto byte = [&] { return static_cast<std::byte>(random() % 4 == 0 ? random() % 256 : random() % 8); };
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes packet(14 + random() % 120);
    for (std::byte& one : packet) one = byte();
    const std::pair<int, int> kTypes[] = {{8, 0}, {0x86, 0xdd}, {8, 6}, {0x81, 0}};
    const auto [high, low] = kTypes[random() % 4];
    packet[12] = static_cast<std::byte>(high);
    packet[13] = static_cast<std::byte>(low);
    if (packet.size() > 34) {
      packet[14] = static_cast<std::byte>(0x40 + 5 + random() % 3);
      packet[20] = static_cast<std::byte>(random() % 2);
      packet[high == 8 ? 23 : 20] = static_cast<std::byte>(random() % 2 == 0 ? 6 : 17);
    }
    packets.push_back(std::move(packet));
  }
  return packets;
}

std::string Hex(const Bytes& packet) {
  std::string text;
  for (const std::byte one : packet) text += fmt::format("{:02x}", static_cast<unsigned>(one));
  return text;
}

// All of them in one object, one program each, so that clang runs once.
std::string ManyPrograms(const std::vector<ClassicProgram>& programs) {
  std::string source = "#include <linux/bpf.h>\n";
  for (std::size_t i = 0; i < programs.size(); ++i) {
    source += CSource(programs[i], {.comment = "", .function = fmt::format("match{}", i)});
    source += fmt::format(
        "__attribute__((section(\"xdp\"), used)) int p{0}(struct xdp_md *ctx)\n{{\n"
        "\treturn match{0}((void *)(long)ctx->data, (void *)(long)ctx->data_end, ctx->data_end - ctx->data) "
        "? 1 : 2;\n}}\n",
        i);
  }
  return source + "char _license[] __attribute__((section(\"license\"))) = \"GPL\";\n";
}

void ExpectTheReferencesVerdicts(const std::vector<ClassicProgram>& programs, const std::string& flags) {
  const LoadedObject object(Built(ManyPrograms(programs), flags));
  const std::vector<Bytes> packets = Packets(400);
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const int fd = object.program_fd(fmt::format("p{}", i));
    for (const Bytes& packet : packets) {
      const bool expected = RunReference(programs[i], packet, static_cast<std::uint32_t>(packet.size())) != 0;
      ASSERT_EQ(Verdict(fd, packet), expected ? 1U : 2U)
          << Hex(packet) << "\n"
          << FormatClassic(programs[i], ClassicFormat::kReadable);
    }
  }
}

std::vector<ClassicProgram> Expressions(bool optimise) {
  std::vector<ClassicProgram> programs;
  for (const char* expression : {
           "",
           "tcp port 80",
           "udp dst port 53 and not src net 10.0.0.0/8",
           "ip[ip[0] - 70] = 1",
           "ip[2:2] << (ip[1] + 28) != 0",
           "ip[2:2] >> ip[20] = 0 and ip[0] / ip[1] > 3",
           "ip[9] % ip[1] = 1",
           "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
           "vlan and ip6 and udp",
           "len > 60",
           "ether[60000] = 1",
           "ip6 protochain 17",
           "ip protochain 6",
           "arp[6:2] = 1 and ether[0] & 1 = 1",
           "-ip[1] > 4294967290",
           "port 6 or portrange 1-1000",
           "ip[0] ^ ip[1] = 64 and ip[4:2] | 1 != 0 and ip[4:2] * ip[1] > 7",
       })
    programs.push_back(CompileExpression(expression, {.optimise = optimise}));
  return programs;
}

TEST(CSource, DecidesAsLibpcap) {
  ExpectTheReferencesVerdicts(Expressions(true), "");
  ExpectTheReferencesVerdicts(Expressions(true), "-mcpu=v3 ");
  ExpectTheReferencesVerdicts(Expressions(false), "-mcpu=v2 ");
}

TEST(CSource, DecidesAsLibpcapForHandwrittenPrograms) {
  std::vector<ClassicProgram> programs;
  for (const char* text : {
           "4,48 0 0 14,7 0 0 0,64 0 0 4294967290,22 0 0 0",         // x - 6
           "5,1 0 0 4294967295,0 0 0 1,108 0 0 0,22 0 0 0,6 0 0 1",  // a << 0xffffffff, then dead code
           "5,0 0 0 7,2 0 0 3,97 0 0 3,135 0 0 0,22 0 0 0",          // memory
           "3,96 0 0 9,21 0 0 5,6 0 0 1",                            // a word that was never written
           "4,1 0 0 65533,80 0 0 4,6 0 0 1,6 0 0 0",                 // an offset over 65535
           "3,129 0 0 0,135 0 0 0,22 0 0 0",                         // x = len
           "4,128 0 0 0,21 1 0 60,37 0 0 100,22 0 0 0",
           "3,5 0 0 1,6 0 0 5,6 0 0 0",                     // a return that nothing reaches
           "5,3 0 0 1,2 0 0 2,7 0 0 0,132 0 0 0,22 0 0 0",  // written, never read
       })
    programs.push_back(ParseClassic(text));
  ExpectTheReferencesVerdicts(programs, "");
}

TEST(CSource, IsAWholeProgramWhereAsked) {
  const ClassicProgram program = CompileExpression("ether[0] & 1 = 1");
  const auto verdict = [&](CFrame frame, const char* match, const char* otherwise, int first) {
    const LoadedObject object(Built(CSource(
        program, {.comment = "multicast */ x /*", .frame = frame, .match = match, .otherwise = otherwise})));
    Bytes packet(64);
    packet[0] = static_cast<std::byte>(first);
    return Verdict(object.program_fd("filter"), packet);
  };
  EXPECT_EQ(verdict(CFrame::kXdp, "XDP_DROP", "XDP_PASS", 1), XDP_DROP);
  EXPECT_EQ(verdict(CFrame::kXdp, "XDP_DROP", "XDP_PASS", 0), XDP_PASS);
  EXPECT_EQ(verdict(CFrame::kTc, "TC_ACT_SHOT", "TC_ACT_OK", 1), 2U);
  EXPECT_EQ(verdict(CFrame::kTc, "TC_ACT_SHOT", "TC_ACT_OK", 0), 0U);
}

TEST(CSource, IsReadable) {
  EXPECT_THAT(CSource(CompileExpression("ip and udp dst port 53"), {.comment = "ip and udp dst port 53"}),
              HasSubstr("\tif (!match_load16(data, data_end, 12, &a))\n"
                        "\t\treturn 0;\n"
                        "\tif (a != 2048u)\n"
                        "\t\treturn 0;\n"));
}

TEST(CSource, RefusesWhatIsNotInThePacket) {
  try {
    CSource(CompileExpression("inbound"), {});
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.parts().why, HasSubstr("[type]"));
  }
}

}  // namespace
}  // namespace knetlab
