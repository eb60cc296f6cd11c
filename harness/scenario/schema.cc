// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/schema.h"

#include <fmt/format.h>

#include "harness/scenario/reader_cases.h"
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/schema_parts.h"

namespace knetlab {
namespace {

using namespace schema;  // NOLINT(google-build-using-namespace): the vocabulary of this file

Json Name() {
  return {{"type", "string"}, {"pattern", "^[a-z0-9-]{1,100}$"}};
}

Json Timeout() {
  return OrParameter({{"anyOf", Json::array({Json{{"type", "number"}, {"exclusiveMinimum", 0}},
                                             Json{{"type", "string"}, {"pattern", "^[0-9.e+]+(ms|s)?$"}}})}});
}

Json Parameters() {
  return {{"type", "object"}, {"propertyNames", {{"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"}}}};
}

Json Matrix() {
  Json matrix = {{"type", "object"}, {"minProperties", 1}};
  matrix["properties"]["exclude"] = {{"type", "array"},
                                     {"items", {{"type", "object"}, {"minProperties", 1}}},
                                     {"description", "combinations to leave out"}};
  matrix["additionalProperties"] = {{"type", "array"}, {"minItems", 1}};
  return matrix;
}

Json Cases() {
  return {{"type", "object"},
          {"minProperties", 1},
          {"additionalProperties", {{"type", Json::array({"object", "null"})}}}};
}

Json ScenarioMap() {
  return BareObject(
      "a scenario", kScenarioKeys,
      {{"name", Name(), "small letters, digits and `-`; unique in a suite"},
       {"summary", String(), "one sentence"},
       {"tags", ListOf(Scalar()), "a list of words"},
       {"requires", ListOf(Scalar()),
        "a list of facilities (`knetlab doctor` lists them); where one is missing the scenario is skipped"},
       {"timeout", Timeout(), "`10s`, `500ms`, or seconds; 30 seconds where it is not given, a day at most"},
       {"care", Boolean(),
        "`on`, or `off` for a topology exactly as it is declared: see [what the lab does by "
        "itself](#what-the-lab-does-by-itself)"},
       {"repeat", Integer(1, 10'000), "how often it is run, 1 where it is not given"},
       {"include",
        {{"type", "array"}, {"items", String()}},
        "a list of files to take parts from: [Includes](#includes)"},
       {"parameters", Parameters(),
        "name -> value, for `${name}`: [Parameters and cases](#parameters-and-cases)"},
       {"matrix", Matrix(), "name -> list of values, and `exclude`; each combination is a case"},
       {"cases", Cases(), "name -> parameters of that case"},
       {"topology", Ref("topology"),
        "namespaces and what connects them. Without one nothing is built: for programs that only run on the "
        "unit rig"},
       {"sockets", MapOf(Ref("socket")), "label -> socket"},
       {"programs", MapOf(Ref("program")), "label -> program"},
       {"capture", Ref("capture"),
        "a file of every packet with its verdict, written while the scenario runs: [Capture](#capture)"},
       {"steps", ListOf(Ref("step")), "a list, done in order"}});
}

}  // namespace

nlohmann::ordered_json ScenarioSchema() {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"$comment", "Made by `knetlab schema`; not edited by hand."}};
  schema.update(ScenarioMap());
  schema["title"] = "A knetlab scenario";
  Json& definitions = schema["definitions"];
  definitions["parameter"] = {{"title", "the value of a parameter"},
                              {"type", "string"},
                              {"pattern", R"(\$\{[A-Za-z_][A-Za-z0-9_-]*\})"}};
  AddTopology(definitions);
  AddPrograms(definitions);
  AddSteps(definitions);
  return schema;
}

}  // namespace knetlab
