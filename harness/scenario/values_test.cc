// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/yaml_tree.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;

std::string Hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[static_cast<int>(byte) >> 4];
    text += kDigits[static_cast<int>(byte) & 15];
  }
  return text;
}

ValueSpec Read(const std::string& yaml) {
  const auto document = ParseYaml("v.yaml", yaml);
  const ReadOptions options;
  Mistakes mistakes(Mistakes::Policy::kThrow);
  ReadContext context{.options = options, .mistakes = mistakes};
  const Node root(document, document->root);
  context.endpoints.Add(root, "server:eth0");
  context.sockets.Add(root, "dns");
  return ReadValue(root, context);
}

std::string Encode(const std::string& yaml, std::size_t size) {
  const EndpointAccess lab{
      .ifindex = [](const std::string& endpoint) { return endpoint == "server:eth0" ? 7 : 0; },
      .run_in = {},
      .socket = [](const std::string& label) { return label == "dns" ? 9 : 0; }};
  return Hex(EncodeValue(Read(yaml), size, lab));
}

struct Case {
  const char* yaml;
  std::size_t size;
  const char* hex;
};

TEST(Values, EncodesEveryForm) {
  const Case cases[] = {
      {"7", 4, "07000000"},
      {"7", 1, "07"},
      {"-1", 4, "ffffffff"},
      {"-1", 12, "ffffffffffffffffffffffff"},
      {"0x800", 2, "0008"},
      {"255", 1, "ff"},
      {"-128", 1, "80"},
      {"18446744073709551615", 8, "ffffffffffffffff"},
      {"18446744073709551615", 9, "ffffffffffffffff00"},
      {"-9223372036854775808", 8, "0000000000000080"},
      {"true", 1, "01"},
      {"10.0.0.1", 4, "0a000001"},
      {"\"10.0.0.1\"", 4, "0a000001"},
      {"fd00::1", 16, "fd000000000000000000000000000001"},
      {"\"02:00:00:00:00:01\"", 6, "020000000001"},
      {"{hex: \"0a 00 00 01\"}", 4, "0a000001"},
      {"{hex: 0a000001}", 4, "0a000001"},
      {"{text: eth0}", 6, "657468300000"},
      {"{text: eth0}", 4, "65746830"},
      {"{be16: 53}", 2, "0035"},
      {"{be32: 1}", 4, "00000001"},
      {"{be64: 1}", 8, "0000000000000001"},
      {"{be16: -1}", 2, "ffff"},
      {"{ifindex: server:eth0}", 4, "07000000"},
      {"{ifindex: server:eth0}", 8, "0700000000000000"},
      {"[{ifindex: server:eth0}, {u32: 1}]", 8, "0700000001000000"},
      {"{socket: dns}", 8, "0900000000000000"},
      {"[{socket: dns}, {u16: 1}]", 6, "090000000100"},
      {"[10.0.0.1, {be16: 53}, {u8: 17}, 0]", 8, "0a00000100351100"},
      {"[{u16: 1}, [{u16: 2}, {u64: 3}]]", 12, "010002000300000000000000"},
      {"[{u8: 1}, {text: ab}]", 4, "01616200"},
  };
  for (const Case& c : cases) EXPECT_EQ(Encode(c.yaml, c.size), c.hex) << c.yaml << " in " << c.size;
}

TEST(Values, RefusesWhatDoesNotFit) {
  const Case cases[] = {
      {"256", 1, "does not fit"},
      {"-129", 1, "does not fit"},
      {"18446744073709551615", 4, "18446744073709551615 does not fit"},
      {"4294967296", 4, "does not fit"},
      {"10.0.0.1", 2, "longer than the 2 bytes"},
      {"10.0.0.1", 8, "has 4 bytes, needed are 8"},
      {"fd00::1", 4, "longer than the 4 bytes"},
      {"{text: eth0}", 3, "longer than 3 bytes"},
      {"{be16: 1}", 4, "has 2 bytes, needed are 4"},
      {"7", 0, "longer than the 0 bytes"},
      {"[{u32: 1}, 7]", 4, "longer than the 4 bytes"},
  };
  for (const Case& c : cases) {
    try {
      Encode(c.yaml, c.size);
      ADD_FAILURE() << c.yaml << " in " << c.size << " was taken";
    } catch (const Error& e) {
      EXPECT_THAT(e.parts().why, HasSubstr(c.hex)) << c.yaml;
      EXPECT_EQ(e.parts().where, "v.yaml:1:1") << c.yaml;
    }
  }
}

TEST(Values, RefusesWhatIsNoValue) {
  for (const char* yaml :
       {"hello", "1.5", "[]", "{}", "{u8: 256}", "{be16: 65536}", "{u8: 1, u16: 2}", "{u9: 1}", "{hex: 0a0}",
        "{hex: zz}", "{hex: +1}", "{hex: \"\"}", "{ifindex: server:eth1}", "{socket: dna}", "[7, 8]",
        "[{text: a}, {u8: 1}]", "99999999999999999999", "10.0.0.256", "[[7], 8]"}) {
    EXPECT_THROW(Read(yaml), Error) << yaml;
  }
}

TEST(Values, DescribesIntegersAsNumbersAndTheRestAsBytes) {
  const auto bytes = [](std::initializer_list<int> list) {
    std::vector<std::byte> out;
    for (const int b : list) out.push_back(static_cast<std::byte>(b));
    return out;
  };
  EXPECT_EQ(DescribeBytes(bytes({7})), "7");
  EXPECT_EQ(DescribeBytes(bytes({0, 8})), "2048");
  EXPECT_EQ(DescribeBytes(bytes({255, 255, 255, 255})), "4294967295");
  EXPECT_EQ(DescribeBytes(bytes({1, 0, 0, 0, 0, 0, 0, 1})), "72057594037927937");
  EXPECT_EQ(DescribeBytes(bytes({10, 0, 255})), "0a 00 ff");
  EXPECT_EQ(DescribeBytes({}), "");
}

}  // namespace
}  // namespace knetlab
