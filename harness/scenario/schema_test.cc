// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/schema.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

void CollectReferences(const Json& node, std::set<std::string>& references) {
  if (node.is_object() && node.contains("$ref")) references.insert(node["$ref"].get<std::string>());
  if (!node.is_structured()) return;
  for (const auto& item : node) CollectReferences(item, references);
}

TEST(Schema, ThePublishedFileIsThatOfTheReadersTables) {
  std::ifstream file(KNETLAB_SOURCE_DIR "/scenarios/schema.json");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), ScenarioSchema().dump(1) + "\n")
      << "mend it with: knetlab schema -o scenarios/schema.json";
}

TEST(Schema, EveryReferenceLeadsToADefinitionAndEveryDefinitionIsUsed) {
  const Json schema = ScenarioSchema();
  std::set<std::string> references, definitions;
  CollectReferences(schema, references);
  for (const auto& [name, definition] : schema["definitions"].items())
    definitions.insert("#/definitions/" + name);
  EXPECT_EQ(references, definitions);
}

TEST(Schema, EveryKeyHasADescription) {
  const Json schema = ScenarioSchema();
  for (const auto& [key, type] : schema["properties"].items())
    EXPECT_FALSE(type.value("description", "").empty()) << key;
}

}  // namespace
}  // namespace knetlab
