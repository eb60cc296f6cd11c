// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/values.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/reader_error.h"

namespace knetlab {
namespace {

using Element = ValueSpec::Element;

std::string IntegerText(const Element& element) {
  return element.is_unsigned ? fmt::format("{}", static_cast<std::uint64_t>(element.integer))
                             : fmt::format("{}", element.integer);
}

bool Fits(const Element& element, std::size_t size) {
  if (size >= sizeof(std::int64_t)) return true;
  if (element.is_unsigned) return false;
  const int bits = static_cast<int>(size) * 8;
  return element.integer >= -(std::int64_t{1} << (bits - 1)) && element.integer < (std::int64_t{1} << bits);
}

// An integer of any size: what is above 64 bits repeats the sign.
void AppendInteger(const Element& element, std::size_t size, std::vector<std::byte>& bytes) {
  const auto bits = static_cast<std::uint64_t>(element.integer);
  const bool negative = element.integer < 0 && !element.is_unsigned;
  std::vector<std::byte> little(size, negative ? std::byte{0xff} : std::byte{0});
  for (std::size_t i = 0; i < std::min(size, sizeof bits); ++i)
    little[i] = static_cast<std::byte>(bits >> (8 * i));
  if (element.big_endian) std::reverse(little.begin(), little.end());
  bytes.insert(bytes.end(), little.begin(), little.end());
}

}  // namespace

std::vector<std::byte> EncodeValue(const ValueSpec& value, std::size_t size,
                                   const EndpointAccess& endpoints) {
  std::vector<std::byte> bytes;
  for (const Element& element : value.elements) {
    const std::size_t left = size - std::min(size, bytes.size());
    const std::size_t width = element.size != 0 ? element.size : left;
    const auto need = [&](std::size_t needed) {
      if (needed > left)
        FailAt(value.mark, fmt::format("the value is longer than the {} bytes that it is for", size));
    };
    need(std::max<std::size_t>(width, 1));
    switch (element.kind) {
      case Element::Kind::kInteger:
        if (!Fits(element, width))
          FailAt(value.mark, fmt::format("{} does not fit {} {}", IntegerText(element), width,
                                         width == 1 ? "byte" : "bytes"));
        AppendInteger(element, width, bytes);
        break;
      case Element::Kind::kIfindex:
      case Element::Kind::kSocket: {
        const bool socket = element.kind == Element::Kind::kSocket;
        Element number;
        number.integer = socket ? endpoints.socket(element.text) : endpoints.ifindex(element.text);
        if (!Fits(number, width))
          FailAt(value.mark, fmt::format("{} does not fit {} bytes",
                                         socket ? "a socket's descriptor" : "an interface index", width));
        AppendInteger(number, width, bytes);
        break;
      }
      case Element::Kind::kBytes:
        bytes.insert(bytes.end(), element.bytes.begin(), element.bytes.end());
        break;
      case Element::Kind::kText: {
        if (element.text.size() > width)
          FailAt(value.mark, fmt::format("{} is longer than {} bytes", Quoted(element.text), width));
        const auto* text = reinterpret_cast<const std::byte*>(element.text.data());
        bytes.insert(bytes.end(), text, text + element.text.size());
        bytes.resize(bytes.size() + width - element.text.size());
        break;
      }
    }
  }
  if (bytes.size() != size)
    FailAt(value.mark, fmt::format("the value has {} bytes, needed are {}", bytes.size(), size),
           "give the missing bytes too: [..., {u32: 0}]");
  return bytes;
}

void WriteEntries(const BpfMap& map, const std::vector<MapEntrySpec>& entries,
                  const EndpointAccess& endpoints) {
  for (const MapEntrySpec& entry : entries) {
    const MapEntry encoded{EncodeValue(entry.key, map.key_size(), endpoints),
                           EncodeValue(entry.value, map.value_size(), endpoints)};
    const auto& elements = entry.value.elements;
    const auto endpoint = std::find_if(elements.begin(), elements.end(), [](const Element& element) {
      return element.kind == Element::Kind::kIfindex;
    });
    if (endpoint == elements.end()) {
      map.Update(encoded);
    } else {
      endpoints.run_in(endpoint->text, [&] { map.Update(encoded); });
    }
  }
}

std::string DescribeBytes(const std::vector<std::byte>& bytes) {
  const std::size_t size = bytes.size();
  if (size == 1 || size == 2 || size == 4 || size == 8) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) number |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    return fmt::format("{}", number);
  }
  std::string text;
  for (const std::byte byte : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned>(byte));
  return text;
}

}  // namespace knetlab
