// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/report_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "harness/measure/ledger.h"
#include "harness/scenario/documents.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

const Json* Member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// XML has no place for control characters, and a terminal none that is safe.
std::string Clean(std::string text) {
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte < 0x20 && letter != '\n' && letter != '\t') || byte == 0x7f) letter = '?';
  }
  return text;
}

std::string Scalar(const Json& value) {
  if (value.is_string()) return Clean(value.get<std::string>());
  if (value.is_number() || value.is_boolean()) return value.dump();
  return "";
}

// Without newlines at its end, which output of commands has.
std::string Text(const Json& object, const char* name) {
  const Json* value = Member(object, name);
  std::string text = value == nullptr ? "" : Scalar(*value);
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

template <typename Number>
Number NumberOf(const Json& object, const char* name, Number otherwise = 0) {
  const Json* value = Member(object, name);
  if (value == nullptr || !value->is_number()) return otherwise;
  if constexpr (std::is_unsigned_v<Number>)
    return value->is_number_unsigned() ? value->get<Number>() : otherwise;
  return value->get<Number>();
}

bool Flag(const Json& object, const char* name) {
  const Json* value = Member(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

// Of a list; nothing where there is none.
template <typename Each>
void ForEach(const Json& object, const char* name, Each each) {
  const Json* list = Member(object, name);
  if (list == nullptr || !list->is_array()) return;
  for (const Json& one : *list) each(one);
}

std::vector<std::string> Texts(const Json& object, const char* name) {
  std::vector<std::string> texts;
  ForEach(object, name, [&](const Json& one) { texts.push_back(Scalar(one)); });
  return texts;
}

ReportCost ReadCost(const Json& json) {
  ReportCost cost{.program = Text(json, "program"),
                  .kind = Text(json, "kind"),
                  .unit = Text(json, "unit"),
                  .value = NumberOf<double>(json, "value"),
                  .runs = NumberOf<std::uint64_t>(json, "runs"),
                  .samples = {}};
  ForEach(json, "samples", [&](const Json& one) {
    if (one.is_number()) cost.samples.push_back(one.get<double>());
  });
  return cost;
}

ReportLatency ReadLatency(const Json& json) {
  ReportLatency latency{
      .place = Text(json, "place"), .count = NumberOf<std::uint64_t>(json, "count"), .quantiles = {}};
  for (const char* name : {"p50", "p90", "p99", "p999", "max"}) {
    const std::string key = fmt::format("{}_ns", name);
    if (Member(json, key.c_str()) != nullptr)
      latency.quantiles.emplace_back(name, NumberOf<std::uint64_t>(json, key.c_str()));
  }
  return latency;
}

ReportScenario ReadScenarioOf(const Json& json) {
  ReportScenario scenario;
  scenario.name = Text(json, "name");
  scenario.file = Text(json, "file");
  scenario.rig = Text(json, "rig");
  scenario.kernel = Text(json, "kernel");
  scenario.outcome = Text(json, "outcome");
  scenario.reason = Text(json, "reason");
  scenario.where = Text(json, "where");
  scenario.repetition = NumberOf<std::uint64_t>(json, "repetition", 1);
  scenario.duration_s = NumberOf<double>(json, "duration_s");
  scenario.notes = Texts(json, "notes");
  if (const Json* ledger = Member(json, "ledger")) {
    scenario.sent = NumberOf<std::uint64_t>(*ledger, "sent");
    scenario.missing = Texts(*ledger, "missing");
    ForEach(*ledger, "entries", [&](const Json& one) {
      scenario.ledger.push_back({.fate = Text(one, "fate"),
                                 .place = Text(one, "place"),
                                 .reason = Text(one, "reason"),
                                 .count = NumberOf<std::uint64_t>(one, "count")});
    });
  }
  ForEach(json, "checks", [&](const Json& one) {
    scenario.checks.push_back({.expect = Text(one, "expect"),
                               .message = Text(one, "message"),
                               .where = Text(one, "where"),
                               .pass = Text(one, "outcome") == "pass"});
  });
  ForEach(json, "cost", [&](const Json& one) { scenario.cost.push_back(ReadCost(one)); });
  ForEach(json, "latency", [&](const Json& one) { scenario.latency.push_back(ReadLatency(one)); });
  return scenario;
}

}  // namespace

std::string ReportScenario::Title() const {
  return repetition > 1 ? fmt::format("{} #{}", name, repetition) : name;
}

std::string ReportScenario::Folder() const {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string ReportScenario::Place() const {
  return where.empty() ? file : where;
}

std::string ReportScenario::Fates() const {
  std::string text;
  for (const Fate fate : {Fate::kDropped, Fate::kPassed, Fate::kTransmitted, Fate::kRedirected,
                          Fate::kDelivered, Fate::kLost}) {
    std::uint64_t count = 0;
    for (const ReportEntry& entry : ledger) count += entry.fate == FateName(fate) ? entry.count : 0;
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, FateName(fate));
  }
  return text;
}

std::size_t ReportRun::Count(std::string_view outcome) const {
  return static_cast<std::size_t>(std::count_if(
      scenarios.begin(), scenarios.end(), [&](const auto& scenario) { return scenario.outcome == outcome; }));
}

std::string ReportRun::EnvironmentText(std::string_view name) const {
  for (const auto& [key, value] : environment) {
    if (key == name) return value;
  }
  return "";
}

ReportRun ReadReportRun(const Json& document) {
  // Once through text, which replaces what is not UTF-8.
  const Json clean = Json::parse(DumpDocument(document));
  if (Text(clean, "schema") != "knetlab.run/1") {
    throw Error(
        {.what = "make report",
         .where = "",
         .why = fmt::format("this is no document of `knetlab run` (schema \"{}\")", Text(clean, "schema")),
         .hint = "",
         .detail = "",
         .code = EINVAL});
  }
  ReportRun run;
  ForEach(clean, "scenarios", [&](const Json& one) { run.scenarios.push_back(ReadScenarioOf(one)); });
  run.planned = run.scenarios.size();
  if (const Json* about = Member(clean, "run")) {
    run.id = Text(*about, "id");
    run.started = Text(*about, "started");
    run.seed = NumberOf<std::uint64_t>(*about, "seed");
    run.planned = std::max(run.planned, NumberOf<std::size_t>(*about, "planned"));
    run.interrupted = Flag(*about, "interrupted");
    run.duration_s = NumberOf<double>(*about, "duration_s");
    if (const Json* environment = Member(*about, "environment");
        environment != nullptr && environment->is_object()) {
      for (const auto& [key, value] : environment->items()) {
        if (value.is_primitive()) run.environment.emplace_back(Clean(key), Scalar(value));
      }
    }
  }
  return run;
}

std::string ReportDuration(double seconds) {
  return seconds < 1 ? fmt::format("{:.0f} ms", seconds * 1e3) : fmt::format("{:.1f} s", seconds);
}

std::string CostText(const ReportCost& cost) {
  return fmt::format("{:.1f} {}", cost.value, cost.unit);
}

}  // namespace knetlab
