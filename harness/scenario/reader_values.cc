// SPDX-License-Identifier: Apache-2.0
// Values of maps and globals, and numbers that are checked.
#include <fmt/format.h>

#include <array>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

using Element = ValueSpec::Element;

struct SizedInteger {
  std::string_view word;
  std::size_t size;
  bool big_endian;
};
constexpr SizedInteger kSizedIntegers[] = {{"u8", 1, false},  {"u16", 2, false}, {"u32", 4, false},
                                           {"u64", 8, false}, {"be16", 2, true}, {"be32", 4, true},
                                           {"be64", 8, true}};
Element Bytes(const std::uint8_t* data, std::size_t size) {
  Element element;
  element.kind = Element::Kind::kBytes;
  element.bytes.assign(reinterpret_cast<const std::byte*>(data),
                       reinterpret_cast<const std::byte*>(data) + size);
  element.size = size;
  return element;
}

Element ReadInteger(const Node& node) {
  Element element;
  if (node.is_boolean()) {
    element.integer = node.Boolean() ? 1 : 0;
    return element;
  }
  if (!node.is_integer()) node.FailType("a whole number");
  if (node.tree()->text[0] == '-') {
    element.integer = node.Integer(INT64_MIN, -1);
    return element;
  }
  const std::string_view text = node.tree()->text;
  const auto value = ParseUnsigned(text.substr(text[0] == '+' ? 1 : 0));
  if (!value) node.FailType("a whole number of at most 64 bits");
  element.integer = static_cast<std::int64_t>(*value);
  element.is_unsigned = element.integer < 0;
  return element;
}

Element ReadHex(const Node& node) {
  Element element;
  element.kind = Element::Kind::kBytes;
  const std::string& text = node.Text("bytes in hexadecimal, such as \"0a 00 00 01\"");
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != ':') digits += c;
  }
  if (digits.size() % 2 != 0) node.Fail(fmt::format("{} has half a byte", Quoted(text)), "two digits a byte");
  if (digits.empty()) node.Fail("no bytes");
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto byte = ParseUnsigned("0x" + digits.substr(i, 2));
    if (!byte)
      node.Fail(fmt::format("{} is not hexadecimal", Quoted(text)), "two digits a byte, such as 0a 00 00 01");
    element.bytes.push_back(static_cast<std::byte>(*byte));
  }
  element.size = element.bytes.size();
  return element;
}

Element ReadKeyed(const Node& node, const ReadContext& context) {
  node.RequireMap("a value", kValueKeys);
  const std::vector<Entry> entries = node.Entries("a value");
  if (entries.size() != 1) node.Fail(fmt::format("a value in braces has one key, found {}", entries.size()));
  const Entry& entry = entries[0];
  if (entry.name() == "hex") return ReadHex(entry.value);
  Element element;
  if (entry.name() == "text") {
    element.kind = Element::Kind::kText;
    element.text = entry.value.Text("text");
    return element;
  }
  if (entry.name() == "ifindex") {
    element.kind = Element::Kind::kIfindex;
    element.text = context.endpoints.Require(entry.value);
    return element;
  }
  if (entry.name() == "socket") {
    element.kind = Element::Kind::kSocket;
    element.text = context.sockets.Require(entry.value);
    return element;
  }
  for (const SizedInteger& sized : kSizedIntegers) {
    if (sized.word != entry.name()) continue;
    element = ReadInteger(entry.value);
    element.size = sized.size;
    element.big_endian = sized.big_endian;
    const int bits = static_cast<int>(sized.size) * 8;
    const bool fits =
        bits == 64 || (!element.is_unsigned && element.integer >= -(std::int64_t{1} << (bits - 1)) &&
                       element.integer < (std::int64_t{1} << bits));
    if (!fits) entry.value.Fail(fmt::format("{} does not fit {} bits", entry.value.tree()->text, bits));
  }
  return element;
}

Element ReadScalar(const Node& node) {
  if (node.is_integer() || node.is_boolean()) return ReadInteger(node);
  const std::string& text = node.Text("a value");
  const auto attempt = [&](auto parse) -> std::optional<Element> {
    try {
      const auto address = parse(text);
      std::size_t size = address.bytes.size();
      if constexpr (requires { address.family; }) size = static_cast<std::size_t>(address.size());
      return Bytes(address.bytes.data(), size);
    } catch (const Error&) {
      return std::nullopt;  // not of this kind
    }
  };
  if (auto mac = attempt(MacAddress::Parse)) return *mac;
  if (auto ip = attempt(IpAddress::Parse)) return *ip;
  node.Fail(fmt::format("{} is no integer and no address", Quoted(text)),
            "text is written {text: ...}, bytes {hex: ...}");
}

void ReadElements(const Node& node, const ReadContext& context, bool in_list,
                  std::vector<Element>& elements) {
  if (node.is_sequence()) {
    for (const Node& item : node.Items("a value")) {
      if (!elements.empty() && elements.back().size == 0)
        item.Fail("something follows an element without a size", "give that one a size: {u32: 1}");
      ReadElements(item, context, true, elements);
    }
    return;
  }
  Element element = node.is_map() ? ReadKeyed(node, context) : ReadScalar(node);
  const bool number = element.kind == Element::Kind::kIfindex || element.kind == Element::Kind::kSocket;
  if (in_list && number) element.size = 4;
  elements.push_back(std::move(element));
}

}  // namespace

ValueSpec ReadValue(const Node& node, const ReadContext& context) {
  ValueSpec value;
  value.mark = node.mark();
  ReadElements(node, context, false, value.elements);
  if (value.elements.empty()) node.FailType("a value");
  return value;
}

std::vector<MapEntrySpec> ReadMapEntries(const Node& node, const ReadContext& context) {
  std::vector<MapEntrySpec> entries;
  for (const Node& item : node.Items("a list of {key: ..., value: ...}")) {
    const Fields fields = item.RequireMap("an entry of a map", kMapEntryKeys);
    entries.push_back(
        {.key = ReadValue(fields.At("key"), context), .value = ReadValue(fields.At("value"), context)});
  }
  return entries;
}

NumberCheck ReadNumberCheck(const Node& node) {
  constexpr std::string_view kExpected = "a number from 0, or a comparison such as \"> 5\"";
  using Op = NumberCheck::Op;
  NumberCheck check;
  check.mark = node.mark();
  std::string_view text = node.Text(kExpected);
  // The longer signs first.
  static constexpr std::array<std::pair<std::string_view, Op>, 5> kSigns = {{{"<=", Op::kLessEqual},
                                                                             {">=", Op::kGreaterEqual},
                                                                             {"==", Op::kEqual},
                                                                             {"<", Op::kLess},
                                                                             {">", Op::kGreater}}};
  bool compared = false;
  for (const auto& [sign, op] : kSigns) {
    if (!text.starts_with(sign)) continue;
    check.op = op;
    text.remove_prefix(sign.size());
    compared = true;
    break;
  }
  if (!compared && !node.is_number()) node.FailType(kExpected);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  auto number = std::make_shared<YamlTree>(*node.tree());
  number->text = text;
  number->quoted = false;
  const Node bare(node.document(), number);
  if (!bare.is_number()) node.FailType(kExpected);
  if (bare.is_integer()) {
    check.value = static_cast<double>(bare.Integer(0, std::int64_t{1} << 53));  // exact in a double
  } else {
    check.value = bare.Number(kExpected);
  }
  if (check.value < 0) node.FailType(kExpected);
  return check;
}

}  // namespace knetlab
