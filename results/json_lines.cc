// SPDX-License-Identifier: Apache-2.0
#include "results/json_lines.h"

#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "knetlab.record/1";
constexpr std::size_t kLongestLine = std::size_t{64} << 20;

Json Begin(const char* kind) {
  return {{"schema", kSchema}, {"record", kind}};
}

// A document that is none, of a store of someone else, goes as the text that it is.
Json DocumentOf(const ScenarioRecord& scenario) {
  Json document = Json::parse(scenario.document, nullptr, false);
  return document.is_discarded() ? Json(scenario.document) : document;
}

Json JsonOf(const RunRecord& run) {
  Json json = Begin("run");
  json.update({{"id", run.id},
               {"started_ns", run.started_ns},
               {"version", run.version},
               {"revision", run.revision},
               {"label", run.label},
               {"seed", run.seed},
               {"planned", run.planned},
               {"environment", run.environment}});
  return json;
}

Json JsonOf(const ScenarioRecord& scenario) {
  Json samples = Json::array();
  for (const Sample& sample : scenario.samples) {
    samples.push_back({{"metric", sample.metric},
                       {"unit", sample.unit},
                       {"kind", MetricKindName(sample.kind)},
                       {"value", sample.value}});
  }
  Json json = Begin("scenario");
  json.update({{"id", scenario.id},
               {"run", scenario.run},
               {"name", scenario.name},
               {"file", scenario.file},
               {"rig", scenario.rig},
               {"kernel", scenario.kernel},
               {"repetition", scenario.repetition},
               {"seed", scenario.seed},
               {"outcome", scenario.outcome},
               {"reason", scenario.reason},
               {"duration_s", scenario.duration_s},
               {"scenario_sha256", scenario.scenario_sha256},
               {"programs", scenario.programs},
               {"captures", scenario.captures},
               {"samples", std::move(samples)},
               {"document", DocumentOf(scenario)}});
  return json;
}

Json JsonOf(const RunEnd& end) {
  Json json = Begin("end");
  json.update({{"run", end.run}, {"duration_s", end.duration_s}});
  return json;
}

RunRecord RunOf(const Json& json) {
  return {.id = json.at("id"),
          .started_ns = json.at("started_ns"),
          .version = json.at("version"),
          .revision = json.at("revision"),
          .label = json.at("label"),
          .seed = json.at("seed"),
          .planned = json.at("planned"),
          .environment = json.at("environment").get<std::map<std::string, std::string>>()};
}

ScenarioRecord ScenarioOf(const Json& json) {
  ScenarioRecord scenario = {
      .id = json.at("id"),
      .run = json.at("run"),
      .name = json.at("name"),
      .file = json.at("file"),
      .rig = json.at("rig"),
      .kernel = json.at("kernel"),
      .repetition = json.at("repetition"),
      .seed = json.at("seed"),
      .outcome = json.at("outcome"),
      .reason = json.at("reason"),
      .duration_s = json.at("duration_s"),
      .scenario_sha256 = json.at("scenario_sha256"),
      .programs = json.at("programs").get<std::map<std::string, std::string>>(),
      .captures = json.at("captures").get<std::map<std::string, std::string>>(),
      .document = json.at("document").dump(),
      .samples = {},
  };
  for (const Json& sample : json.at("samples")) {
    scenario.samples.push_back({.metric = sample.at("metric"),
                                .unit = sample.at("unit"),
                                .kind = MetricKindOf(sample.at("kind").get<std::string>()),
                                .value = sample.at("value")});
  }
  return scenario;
}

Error NoRecord(const std::string& where, std::string why, std::string hint) {
  return Error({.what = "read records",
                .where = where,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

constexpr const char* kSalvageHint = "results merge --salvage keeps the records before it";

Record RecordOf(const Json& json, const std::string& where) {
  const std::string schema = json.at("schema");
  if (schema != kSchema) {
    throw NoRecord(where, fmt::format("its schema is \"{}\", and this knetlab reads {}", schema, kSchema),
                   "results export --format json writes it");
  }
  const std::string kind = json.at("record");
  if (kind == "run") return RunOf(json);
  if (kind == "scenario") return ScenarioOf(json);
  if (kind == "end") return RunEnd{.run = json.at("run"), .duration_s = json.at("duration_s")};
  throw NoRecord(where, "there is no record \"" + kind + "\"", "run, scenario or end");
}

}  // namespace

std::string JsonLine(const Record& record) {
  constexpr int kOneLine = -1;
  const Json json = std::visit([](const auto& one) { return JsonOf(one); }, record);
  return json.dump(kOneLine, ' ', false, Json::error_handler_t::replace) + "\n";
}

Record RecordOfLine(std::string_view line, const std::string& where) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::exception&) {
    throw NoRecord(where, "the line is cut off, or no JSON", kSalvageHint);
  }
  try {
    return RecordOf(json, where);
  } catch (const Json::exception& failure) {
    throw NoRecord(where, std::string("the line is no record: ") + failure.what(), kSalvageHint);
  }
}

std::size_t ReadJsonLines(std::istream& file, const std::string& path,
                          const std::function<void(Record)>& take) {
  std::size_t records = 0, number = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string where = fmt::format("{}:{}", path, ++number);
    if (line.size() > kLongestLine) throw NoRecord(where, "the line is longer than any record", "");
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    take(RecordOfLine(line, where));
    records++;
  }
  if (file.bad()) throw ErrnoError("read records", path, EIO);
  return records;
}

}  // namespace knetlab
