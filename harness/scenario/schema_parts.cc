// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/schema_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace knetlab::schema {

Json BareObject(std::string_view title, std::span<const Key> keys,
                std::initializer_list<Property> properties) {
  Json object = {{"title", title}, {"type", "object"}, {"additionalProperties", false}};
  Json required = Json::array();
  for (const Key& key : keys) {
    if (key.required) required.push_back(key.name);
    if (std::none_of(properties.begin(), properties.end(),
                     [&](const auto& one) { return one.key == key.name; }))
      throw std::logic_error(fmt::format("the schema of {} lacks {}", title, key.name));
  }
  if (!required.empty()) object["required"] = std::move(required);
  for (const Property& property : properties) {
    if (std::none_of(keys.begin(), keys.end(), [&](const Key& key) { return key.name == property.key; }))
      throw std::logic_error(fmt::format("the schema of {} has {}", title, property.key));
    Json type = property.type;
    // Draft 7 ignores what stands beside a $ref.
    if (type.contains("$ref")) type = {{"allOf", Json::array({std::move(type)})}};
    type["description"] = property.description;
    object["properties"][std::string(property.key)] = std::move(type);
  }
  return object;
}

Json Object(std::string_view title, std::span<const Key> keys, std::initializer_list<Property> properties) {
  return OrParameter(BareObject(title, keys, properties));
}

Json Ref(std::string_view definition) {
  return {{"$ref", fmt::format("#/definitions/{}", definition)}};
}

Json OrParameter(Json type) {
  return {{"anyOf", Json::array({std::move(type), Ref("parameter")})}};
}

Json String() {
  return {{"type", "string"}};
}

Json Scalar() {
  return {{"type", Json::array({"string", "number", "boolean"})}};
}

Json Integer(std::int64_t least, std::int64_t most) {
  Json type = {{"type", "integer"}, {"minimum", least}};
  if (most != std::numeric_limits<std::int64_t>::max()) type["maximum"] = most;
  return OrParameter(std::move(type));
}

Json Boolean() {
  return OrParameter({{"enum", Json::array({true, false, "on", "off", "yes", "no"})}});
}

Json Words(std::span<const std::string_view> words) {
  return OrParameter({{"enum", words}});
}

Json Words(std::initializer_list<std::string_view> words) {
  return Words(std::span(words.begin(), words.size()));
}

Json ListOf(Json item) {
  return OrParameter({{"type", "array"}, {"items", std::move(item)}});
}

Json MapOf(Json value) {
  return OrParameter({{"type", "object"}, {"additionalProperties", std::move(value)}});
}

Json OneOrListOf(const Json& item) {
  return {{"anyOf", Json::array({item, Json{{"type", "array"}, {"items", item}}})}};
}

Json ExactlyOne(std::span<const std::string_view> keys) {
  Json alternatives = Json::array();
  for (const std::string_view key : keys) alternatives.push_back({{"required", Json::array({key})}});
  return alternatives;
}

}  // namespace knetlab::schema
