// SPDX-License-Identifier: Apache-2.0
// What the parts of the schema are made of.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "harness/scenario/yaml_node.h"

namespace knetlab::schema {

using Json = nlohmann::ordered_json;

struct Property {
  std::string_view key;
  Json type;
  std::string_view description;  // Markdown, one line
};

// A map with these keys and no others, some of them required; `${x}` in its place is good too. Throws
// std::logic_error where the properties are not exactly the keys.
Json Object(std::string_view title, std::span<const Key> keys, std::initializer_list<Property> properties);
// As it is in "definitions", before `${x}` is allowed in its place.
Json BareObject(std::string_view title, std::span<const Key> keys,
                std::initializer_list<Property> properties);

Json Ref(std::string_view definition);
Json OrParameter(Json type);  // or `${x}`, which the reader puts a value in for
Json String();                // text that is no number and no boolean
Json Scalar();                // anything that is one word
Json Integer(std::int64_t least, std::int64_t most = std::numeric_limits<std::int64_t>::max());
Json Boolean();
Json Words(std::span<const std::string_view> words);
Json Words(std::initializer_list<std::string_view> words);
Json ListOf(Json item);
Json MapOf(Json value);
Json OneOrListOf(const Json& item);
// Exactly one of these keys.
Json ExactlyOne(std::span<const std::string_view> keys);

// The definitions of each section, added to `definitions`.
void AddTopology(Json& definitions);
void AddPrograms(Json& definitions);
void AddSteps(Json& definitions);

}  // namespace knetlab::schema
